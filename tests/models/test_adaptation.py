"""LoRA and eight-bit weights."""

import keras
import numpy as np
import pytest
from keras import ops

from tests.models.small_models import letters_of, random_ids, small_model

TEXTS = ["It was the best of times,", "话说天下大势，"]


def logits_of(model, token_ids):
    mask = np.ones_like(token_ids)
    inputs = {"token_ids": token_ids, "padding_mask": mask}
    inputs = {key: ops.convert_to_tensor(value) for key, value in inputs.items()}
    return ops.convert_to_numpy(model(inputs))


def first_step(model, token_ids):
    """The compiled step's logits for the first tokens."""
    tokens = ops.convert_to_tensor(token_ids[:, 0])
    logits, _, _ = model.compiled_step(tokens, model.initial_state(len(token_ids)))
    return ops.convert_to_numpy(logits)


def test_lora_trains_itself_alone_and_reaches_compiled_steps():
    model, token_ids = small_model("windowed", num_layers=1), random_ids(2, 6)
    before = logits_of(model, token_ids)
    np.testing.assert_allclose(first_step(model, token_ids), before[:, 0], atol=2e-5)
    kept = [ops.convert_to_numpy(weight) for weight in model.weights]
    weights = list(model.weights)

    model.backbone.enable_lora(2)

    # Queries and values, two factors each.
    assert len(model.trainable_weights) == 4
    np.testing.assert_allclose(logits_of(model, token_ids), before, atol=1e-6)
    model.compile(keras.optimizers.Adam(0.5), weighted_metrics=[], jit_compile=False)
    model.fit(TEXTS, batch_size=2, epochs=2, verbose=0)
    for weight, old in zip(weights, kept, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), old)
    after = logits_of(model, token_ids)
    assert np.abs(after - before).max() > 1e-2
    # A program compiled before knew nothing of the new variables.
    np.testing.assert_allclose(first_step(model, token_ids), after[:, 0], atol=2e-5)


@pytest.mark.slow
# Keras says so of every layer that has no product to quantize, inputs included.
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_eight_bit_weights_give_nearly_the_same_logits():
    # With a table of n-grams and heads, which are looked up and not multiplied.
    model = small_model("ngram_heads")
    token_ids = random_ids(2, 12, letters=letters_of("ngram_heads"))
    before = logits_of(model, token_ids)
    first_step(model, token_ids)

    model.quantize("int8")

    after = logits_of(model, token_ids)
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.99
    assert any(weight.dtype == "int8" for weight in model.weights)
    np.testing.assert_allclose(first_step(model, token_ids), after[:, 0], atol=1e-4)
