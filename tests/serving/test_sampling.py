import numpy as np
import pytest

from longkeras.serving.byte_tokens import allowed_next_bytes, next_byte_probabilities
from longkeras.serving.sampling import draw_token


def draws(probabilities, number=4000, **settings):
    logits = np.full(259, -50.0)
    for token_id, probability in probabilities.items():
        logits[token_id] = np.log(probability)
    settings = {
        "temperature": 1.0,
        "top_p": 1.0,
        "generator": np.random.default_rng(0),
    } | settings
    drawn = [draw_token(logits, **settings) for _ in range(number)]
    values, counts = np.unique(drawn, return_counts=True)
    return dict(zip(values.tolist(), (counts / number).tolist(), strict=True))


def test_frequencies_are_the_probabilities():
    frequencies = draws({10: 0.6, 20: 0.3, 30: 0.1})
    assert frequencies == pytest.approx({10: 0.6, 20: 0.3, 30: 0.1}, abs=0.03)


def test_a_low_temperature_sharpens():
    frequencies = draws({10: 0.6, 20: 0.4}, temperature=0.5)
    assert frequencies[10] == pytest.approx(0.36 / 0.52, abs=0.03)


def test_top_p_keeps_the_smallest_set_that_is_probable_enough():
    assert set(draws({10: 0.6, 20: 0.3, 30: 0.1}, top_p=0.5)) == {10}
    assert set(draws({10: 0.6, 20: 0.3, 30: 0.1}, top_p=0.7)) == {10, 20}
    assert set(draws({10: 0.6, 20: 0.3, 30: 0.1}, top_p=0.95)) == {10, 20, 30}


def test_a_token_that_is_not_allowed_is_never_drawn():
    logits = np.full(259, -np.inf)
    logits[[5, 8]] = 0.0, -9.0
    generator = np.random.default_rng(0)
    drawn = {draw_token(logits, 3.0, 1.0, generator) for _ in range(200)}
    assert drawn == {5, 8}


def test_next_byte_probabilities_leave_out_the_special_tokens():
    probabilities = next_byte_probabilities(np.zeros((2, 259), "float32"))
    assert probabilities.shape == (2, 256)
    assert probabilities.sum(axis=-1) == pytest.approx(256 / 259)


def test_allowed_bytes_lead_to_all_characters_and_to_nothing_else():
    seconds = 0
    for first in np.flatnonzero(allowed_next_bytes(b"")).tolist():
        if first < 0x80:
            continue
        for second in range(256):
            data = bytes([first, second])
            rest = {0xC: 0, 0xD: 0, 0xE: 1, 0xF: 2}[first >> 4]
            try:
                (data + b"\x80" * rest).decode()
            except UnicodeDecodeError:
                is_valid = False
            else:
                is_valid = True
            assert bool(allowed_next_bytes(data[:1])[second]) == is_valid
            seconds += is_valid
    assert seconds == 30 * 64 + (16 * 64 - 32 - 32) + (5 * 64 - 16 - 48)


def test_a_new_character_may_be_kept_short():
    assert allowed_next_bytes(b"", longest=1).sum() == 128
    assert not allowed_next_bytes(b"", longest=2)[0xE4]


def test_a_tiny_temperature_is_greedy_without_a_warning():
    assert set(draws({10: 0.6, 20: 0.4}, number=20, temperature=1e-320)) == {10}
