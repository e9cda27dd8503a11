"""Checks and limiting cases of KerasHub's samplers."""

import copy
import math

import keras_hub

from longkeras.argument_checks import whole_number

# Below the smallest normal float32, XLA takes a temperature for zero.
_SMALLEST_TEMPERATURE = 2.0**-126


def usable_sampler(sampler, num_choices=None):
    """Check a sampler's arguments, and return a sampler that handles limiting cases.

    That is a greedy one where `temperature` is 0, and a copy with a smaller `k` where
    `k` exceeds `num_choices`: KerasHub would divide by 0, and ask for more candidates
    than there are tokens. Every sampler passes through this function before it chooses
    a token.

    Example:

    >>> sampler = keras_hub.samplers.TopKSampler(k=500)
    >>> usable_sampler(sampler, num_choices=256).k
    256
    >>> usable_sampler(keras_hub.samplers.TopKSampler(temperature=0)).__class__.__name__
    'GreedySampler'
    """
    check_sampler(sampler)
    if float(sampler.temperature) < _SMALLEST_TEMPERATURE:
        return keras_hub.samplers.GreedySampler()
    k = getattr(sampler, "k", None)
    if num_choices is None or not isinstance(sampler, _with_k()) or k is None:
        return sampler
    if k <= num_choices:
        return sampler
    # The copy shares the state of the random numbers.
    sampler = copy.copy(sampler)
    sampler.k = num_choices
    return sampler


def check_sampler(sampler):
    """Refuse samplers that need a second model, and arguments out of range."""
    samplers = keras_hub.samplers
    if not isinstance(sampler, samplers.Sampler):
        raise ValueError(
            "`sampler` must be the name of a sampler, such as 'greedy', or an instance "
            f"of `keras_hub.samplers.Sampler`. Received: sampler={sampler!r}"
        )
    _check_number("temperature", sampler.temperature, 0, math.inf, "at least 0")
    if isinstance(sampler, samplers.SpeculativeSampler):
        raise ValueError(
            "`sampler` must not be speculative, since there is no second model that "
            "drafts. Use 'greedy' or 'top_p', for example. Received: "
            f"sampler={sampler!r}"
        )
    if isinstance(sampler, _with_k()):
        is_optional = isinstance(sampler, samplers.TopPSampler)
        if not (is_optional and sampler.k is None):
            whole_number("k", sampler.k, 1)
    if isinstance(sampler, samplers.TopPSampler):
        _check_number("p", sampler.p, 0, 1, "above 0 and at most 1", above=True)
    if isinstance(sampler, samplers.ContrastiveSampler):
        _check_number("alpha", sampler.alpha, 0, 1, "from 0 to 1")
    if isinstance(sampler, samplers.BeamSampler):
        whole_number("num_beams", sampler.num_beams, 1)
        if sampler.return_all_beams:
            raise ValueError(
                "`return_all_beams` must be False: each prompt is continued by one "
                "text. Received: return_all_beams=True"
            )


def _with_k():
    samplers = keras_hub.samplers
    return samplers.TopKSampler, samplers.TopPSampler, samplers.ContrastiveSampler


def _check_number(name, value, low, high, rule, above=False):
    is_number = hasattr(value, "__float__") and not isinstance(value, bool)
    number = float(value) if is_number else math.nan
    # A comparison with NaN is False.
    is_in_range = low < number <= high if above else low <= number <= high
    if not is_in_range or math.isinf(number):
        raise ValueError(
            f"`{name}` must be a number {rule}. Received: {name}={value!r}"
        )
