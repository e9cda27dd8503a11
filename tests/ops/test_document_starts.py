"""Starts of packed documents, and positions that restart there, against loops."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.ops.document_starts import first_tokens, restart


def rows(seed=0, batch=4, length=23):
    """Documents, padding among them, and positions counted through the row from 2."""
    rng = np.random.default_rng(seed)
    document_ids = rng.integers(0, 9, (batch, 6)).repeat(4, axis=1)[:, :length]
    is_real = rng.random((batch, length)) < 0.7
    positions = np.where(is_real, 1 + is_real.cumsum(axis=1), 1)
    return document_ids.astype("int32"), is_real, positions.astype("int32")


def expected(document_ids, is_real, positions):
    starts, restarted = np.zeros_like(is_real), positions.copy()
    for row in range(len(is_real)):
        last, next_position = None, 2
        for i in np.flatnonzero(is_real[row]):
            starts[row, i] = last is not None and document_ids[row, i] != last
            next_position = 2 if starts[row, i] else next_position
            restarted[row, i] = next_position
            last, next_position = document_ids[row, i], next_position + 1
    return starts, restarted


@pytest.mark.parametrize("length", [1, 23])
def test_starts_and_restarted_positions_are_those_of_a_loop(length):
    document_ids, is_real, positions = rows(length=length)
    starts, restarted = expected(document_ids, is_real, positions)
    found = first_tokens(document_ids, is_real)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), starts)
    found = restart(positions, document_ids, first_position=2)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), restarted)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's XLA")
def test_rows_of_unknown_length_compile_with_xla():
    import tensorflow as tf

    spec = tf.TensorSpec((None, None), "int32")
    compiled = tf.function(
        lambda positions, ids: restart(positions, ids, first_position=2),
        input_signature=[spec, spec],
        jit_compile=True,
    )
    document_ids, is_real, positions = rows(seed=1)
    _, restarted = expected(document_ids, is_real, positions)
    np.testing.assert_array_equal(compiled(positions, document_ids), restarted)
