"""Checks of sizes, rates and other arguments of constructors.

An argument means the same everywhere in the library, so one table has the rules.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any


def check_arguments(
    arguments: Mapping[str, Any], may_be_none: tuple[str, ...] = ()
) -> None:
    """Refuse arguments of a wrong type or out of range, and `None` where not permitted.

    `arguments` may be a constructor's `locals()`: names without a rule are ignored.
    """
    for name, value in arguments.items():
        if name in _RULES and not (value is None and name in may_be_none):
            _RULES[name](name, value)


def whole_number(name: str, value: Any, minimum: int) -> int:
    """The value of an argument as an int, from an int of NumPy's too."""
    try:
        # A bool is an int in Python, but not a count.
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < minimum:
        raise ValueError(
            f"`{name}` must be an int of at least {minimum}. Received: {name}={value!r}"
        )
    return number


def _check_number(name: str, value: Any, rule: str, is_met: bool) -> None:
    if not is_met:
        raise ValueError(
            f"`{name}` must be a number {rule}. Received: {name}={value!r}"
        )


def _is_between(value: Any, low: float, high: float = float("inf")) -> bool:
    """Return whether a value is a number of at least `low` and less than `high`."""
    is_number = hasattr(value, "__float__") and not isinstance(value, bool)
    return is_number and low <= value < high


def _check_count(name: str, value: Any) -> None:
    whole_number(name, value, 1)


def _check_index(name: str, value: Any) -> None:
    whole_number(name, value, 0)


def _check_rate(name: str, value: Any) -> None:
    rule = "of at least 0 and less than 1, the part that is dropped"
    _check_number(name, value, rule, _is_between(value, 0, 1))


def _check_weight(name: str, value: Any) -> None:
    _check_number(name, value, "of at least 0", _is_between(value, 0))


def _check_positive(name: str, value: Any) -> None:
    _check_number(name, value, "above 0", _is_between(value, 0) and value > 0)


_NAMES: dict[Callable[[str, Any], None], tuple[str, ...]] = {
    _check_count: (
        "embedding_dim",
        "head_dim",
        "head_window",
        "hidden_dim",
        "intermediate_dim",
        "mask_selection_length",
        "max_question_length",
        "max_sequence_length",
        "num_bins",
        "num_classes",
        "num_heads",
        "num_key_value_heads",
        "num_layers",
        "num_segments",
        "output_dim",
        "sequence_length",
        "total_steps",
        "units",
        "vocabulary_size",
    ),
    _check_index: (
        "decay_steps",
        "first_position",
        "outside_label",
        "padding_id",
        "separator_id",
        "warmup_steps",
    ),
    _check_rate: (
        "attention_dropout",
        "dropout",
        "embedding_dropout",
        "input_dropout",
        "output_dropout",
        "weight_dropout",
    ),
    _check_weight: ("activation_penalty", "negative_slope", "slowness_penalty"),
    _check_positive: (
        "alpha_negative",
        "alpha_positive",
        "beta",
        "head_layer_norm_epsilon",
        "layer_norm_epsilon",
        "max_wavelength",
        "peak_learning_rate",
        "rope_max_wavelength",
    ),
}
_RULES = {name: check for check, names in _NAMES.items() for name in names}
