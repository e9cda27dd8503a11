"""Rotary positions against complex numbers."""

import numpy as np
import pytest
from keras import ops

from longkeras.layers import RotaryEmbedding

BATCH_SIZE, LENGTH, HEADS, HEAD_DIM = 2, 9, 3, 8


def turned(inputs, positions, max_wavelength):
    """Feature i and feature i + half are a complex number, turned by an angle."""
    half = inputs.shape[-1] // 2
    numbers = inputs[..., :half] + 1j * inputs[..., half:].astype("float64")
    frequencies = max_wavelength ** (-np.arange(half) / half)
    angles = np.asarray(positions)[..., None, None] * frequencies
    numbers = numbers * np.exp(1j * angles)
    return np.concatenate([numbers.real, numbers.imag], axis=-1)


def inputs(seed=0):
    shape = (BATCH_SIZE, LENGTH, HEADS, HEAD_DIM)
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def call(layer, *arguments):
    output = layer(*map(ops.convert_to_tensor, arguments))
    return np.asarray(ops.convert_to_numpy(ops.cast(output, "float32")))


@pytest.mark.parametrize("max_wavelength", [100.0, 10000.0])
def test_it_turns_features_as_complex_numbers(max_wavelength):
    expected = turned(inputs(), np.arange(LENGTH), max_wavelength)
    actual = call(RotaryEmbedding(max_wavelength), inputs())
    np.testing.assert_allclose(actual, expected, atol=2e-6)


def test_rows_may_stand_at_different_positions():
    positions = np.arange(LENGTH) + np.array([[0], [1000]])
    actual = call(RotaryEmbedding(), inputs(), positions.astype("int32"))
    expected = turned(inputs(), positions, 10000.0)
    # float32 angles of 1000 radians are exact to 6e-5.
    np.testing.assert_allclose(actual, expected, atol=3e-4)


def test_scores_depend_on_the_distance_alone():
    layer, query, key = RotaryEmbedding(), inputs(1), inputs(2)

    def scores(first):
        positions = first + np.arange(LENGTH, dtype="int32")
        left, right = call(layer, query, positions), call(layer, key, positions)
        return np.einsum("bqhd,bkhd->bhqk", left, right)

    np.testing.assert_allclose(scores(0), scores(500), atol=1e-3)


def test_angles_stay_exact_in_half_precision():
    positions = np.arange(LENGTH, dtype="int32") + 4099
    layer = RotaryEmbedding(dtype="bfloat16")
    actual = call(layer, inputs(), positions)
    expected = turned(inputs(), positions, 10000.0)
    # bfloat16 cannot even tell 4099 from 4096.
    np.testing.assert_allclose(actual, expected, atol=0.06)


def test_a_wavelength_must_be_positive():
    with pytest.raises(ValueError, match=r"`max_wavelength`.*Received.*=0"):
        RotaryEmbedding(0)
