"""What the arguments of KerasHub's samplers may be."""

import keras_hub
import pytest

from longkeras.text.samplers import usable_sampler

samplers = keras_hub.samplers


@pytest.mark.parametrize(
    "kind",
    [
        samplers.GreedySampler,
        samplers.RandomSampler,
        samplers.TopKSampler,
        samplers.TopPSampler,
        samplers.BeamSampler,
        samplers.ContrastiveSampler,
    ],
)
def test_a_temperature_of_zero_is_greedy_in_any_sampler(kind):
    for temperature in (0, 0.0, 1e-40):
        usable = usable_sampler(kind(temperature=temperature))
        assert type(usable) is samplers.GreedySampler
        assert usable.temperature == 1.0
    sampler = kind(temperature=1e-30)
    assert usable_sampler(sampler) is sampler


@pytest.mark.parametrize(
    "sampler",
    [
        samplers.TopKSampler(k=9, seed=1),
        samplers.TopPSampler(p=0.5, k=9, seed=1),
        samplers.ContrastiveSampler(k=9),
    ],
    ids=["top_k", "top_p", "contrastive"],
)
def test_a_k_above_the_choices_is_all_of_them(sampler):
    clamped = usable_sampler(sampler, num_choices=5)
    assert clamped.k == 5
    assert sampler.k == 9, "a sampler that was given is not changed"
    assert type(clamped) is type(sampler)
    pairs = zip(clamped.variables, sampler.variables, strict=True)
    assert all(one is other for one, other in pairs)
    assert usable_sampler(sampler, num_choices=9) is sampler


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (samplers.GreedySampler(temperature=-1), r"`temperature` .*temperature=-1"),
        (samplers.TopKSampler(temperature=float("nan")), "`temperature`.*=nan"),
        (samplers.TopKSampler(temperature=float("inf")), "`temperature`.*=inf"),
        (samplers.RandomSampler(temperature="hot"), "`temperature`.*='hot'"),
        (samplers.TopKSampler(k=0), "`k` must be an int of at least 1.*k=0"),
        (samplers.TopKSampler(k=2.5), "`k` must be an int"),
        (samplers.TopPSampler(p=0), "`p` must be a number above 0 and at most 1.*p=0"),
        (samplers.TopPSampler(p=1.1), "`p` must .*p=1.1"),
        (samplers.TopPSampler(p=0.5, k=-1), "`k` must .*k=-1"),
        (samplers.BeamSampler(num_beams=0), "`num_beams` must .*num_beams=0"),
        (samplers.BeamSampler(return_all_beams=True), "`return_all_beams` must be F"),
        (samplers.ContrastiveSampler(k=0), "`k` must .*k=0"),
        (samplers.ContrastiveSampler(alpha=1.5), "`alpha` must .*alpha=1.5"),
        (samplers.SpeculativeSampler(), "must not be speculative"),
        (samplers.GreedySampler, "must be the name of a sampler"),
        (None, "must be the name of a sampler.*sampler=None"),
    ],
)
def test_a_value_out_of_range_is_refused_in_a_sentence(sampler, message):
    with pytest.raises(ValueError, match=message):
        usable_sampler(sampler)
