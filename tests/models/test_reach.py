"""Which places a token can change: exactly those that the patterns say."""

import numpy as np
import pytest

from longkeras.patterns import BandedPattern, reachable_offsets
from tests.contracts.decode_contract import BATCH_SIZE, TEXT_LENGTH, Decoder
from tests.models.small_models import TRANSFORMERS, small_model

PLACES = (2, 9, 15)


@pytest.mark.parametrize(
    "kind", [pytest.param("windowed", marks=pytest.mark.slow), "dilated"]
)
def test_a_token_changes_what_can_see_it_and_nothing_else(kind):
    options = TRANSFORMERS[kind]
    windows, dilations = (
        value if isinstance(value, list) else [value] * 2
        for value in (options["attention_window"], options.get("attention_dilation", 1))
    )
    patterns = [
        BandedPattern.causal(window, tuple(d) if isinstance(d, list) else d)
        for window, d in zip(windows, dilations, strict=True)
    ]
    offsets = set(reachable_offsets(patterns).tolist())
    decoder = Decoder(small_model(kind))
    text = np.repeat(decoder.text[:1], BATCH_SIZE, axis=0)
    changed = text.copy()
    for row, place in enumerate(PLACES):
        changed[row, place] = (changed[row, place] - 3 + 100) % 256 + 3

    before, after = decoder.full_pass(text)[0], decoder.full_pass(changed)[0]

    difference = np.abs(after - before).max(axis=-1)  # (batch, sequence)
    for row, place in enumerate(PLACES):
        is_reached = np.isin(place - np.arange(TEXT_LENGTH), list(offsets))
        np.testing.assert_array_equal(difference[row] > 1e-7, is_reached)
    # Some places lie beyond the reach: the test compares something.
    assert len(offsets) < TEXT_LENGTH - PLACES[0]


@pytest.mark.parametrize(
    "kind", ["full", "lstm", pytest.param("gru", marks=pytest.mark.slow)]
)
def test_an_unlimited_model_sees_the_first_token_from_the_last(kind):
    decoder = Decoder(small_model(kind))
    changed = decoder.text.copy()
    changed[:, 0] = (changed[:, 0] - 3 + 100) % 256 + 3
    difference = np.abs(decoder.full_pass(changed)[0] - decoder.truth[0])
    # A forgetful state keeps little of it, but not nothing.
    assert difference[:, -1].max() > 0
