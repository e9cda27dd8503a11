"""The ops' own gradients inside of what transforms them."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.ops import longformer_attention
from longkeras.patterns import BandedPattern
from tests.ops.gradients import as_array, outputs_and_gradients

LENGTH = 40


def attend(states, padding_mask, global_mask):
    return longformer_attention(
        *[states] * 6,
        BandedPattern(3, 2, (1, 2)),
        padding_mask=padding_mask,
        global_mask=global_mask,
        dropout=0.1,
        seed=3,
        implementation="blocked",
    )


def arguments():
    states = np.random.default_rng(0).normal(size=(2, LENGTH, 2, 4)).astype("float32")
    padding_mask = np.arange(LENGTH) < np.array([[LENGTH], [LENGTH - 9]])
    global_mask = np.arange(LENGTH) < np.array([[1], [12]])
    return [ops.convert_to_tensor(x) for x in (states, padding_mask, global_mask)]


@pytest.mark.slow
def test_rematerialisation_changes_no_gradient():
    states, *masks = arguments()
    upstream = np.ones(states.shape, "float32")

    def attend_masked(states):
        return attend(states, *masks)

    plain, again = (
        outputs_and_gradients(function, [states], upstream, jit=True)
        for function in (attend_masked, keras.remat(attend_masked))
    )

    np.testing.assert_allclose(again[0], plain[0], atol=1e-6)
    np.testing.assert_allclose(again[1][0], plain[1][0], atol=1e-5)


@pytest.mark.slow_on("jax")
@pytest.mark.skipif(keras.backend.backend() != "jax", reason="jax.vmap")
def test_texts_may_be_mapped_over_on_jax():
    import jax

    states, *masks = arguments()

    def one(*row):
        return attend(*(x[None] for x in row))[0]

    mapped = jax.jit(jax.vmap(keras.remat(one)))(states, *masks)

    # Dropout draws by the row of the batch, and every mapped row is the first.
    for row in range(2):
        alone = one(*(x[row] for x in (states, *masks)))
        np.testing.assert_allclose(as_array(mapped[row]), as_array(alone), atol=1e-5)
