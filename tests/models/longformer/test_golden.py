"""Hugging Face's checkpoints give Hugging Face's numbers, without Hugging Face."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.conversion import from_huggingface
from longkeras.conversion.families.longformer import backbone_weights
from tests.golden.make_longformer_models import (
    ARCHITECTURES,
    CASES,
    GOLDEN_FOLDER,
    GRADIENT_CASE,
    GRADIENTS_FILE,
    OUTPUTS_FILE,
    loss_weights,
    mask_positions,
)
from tests.models.longformer.small_longformer import outputs_of

TOLERANCE = 2e-5


@pytest.fixture(scope="module")
def golden():
    with np.load(OUTPUTS_FILE) as file:
        return dict(file)


@pytest.fixture(scope="module")
def models():
    """Each checkpoint's model, read when asked for."""
    made = {}

    def model(name):
        if name not in made:
            made[name] = from_huggingface(GOLDEN_FOLDER / name)
        return made[name]

    return model


def entries(golden, prefix):
    """What stands right below a prefix, by the rest of its name."""
    return {
        name.removeprefix(prefix): x
        for name, x in golden.items()
        if name.startswith(prefix) and "/" not in name.removeprefix(prefix)
    }


def shown(output, inputs, name):
    """The part of an output that a real token gave: theirs of padding means nothing."""
    is_real = inputs["padding_mask"].astype(bool)
    if name == "masked_lm":
        return output[np.take_along_axis(is_real, inputs["mask_positions"], 1)]
    if output.shape[:2] == is_real.shape and name != "text_classifier":
        return output[is_real]
    return output[is_real[:, 0]]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_outputs_are_theirs(models, golden, name, case):
    inputs = entries(golden, f"{case}/")
    expected = entries(golden, f"{case}/{name}/")
    if name == "masked_lm":
        inputs["mask_positions"] = mask_positions(*inputs["token_ids"].shape)
    outputs = outputs_of(models(name), inputs)
    if not isinstance(outputs, dict):
        outputs = {"logits": outputs}
    assert set(outputs) == set(expected)
    for key, output in outputs.items():
        assert np.isfinite(output).all()
        np.testing.assert_allclose(
            shown(output, inputs, name),
            shown(expected[key], inputs, name),
            atol=TOLERANCE,
            rtol=TOLERANCE,
            err_msg=key,
        )


def gradients_of(model, inputs, weights):
    """Of the golden file's loss, by each trainable variable's path."""
    variables = model.trainable_variables
    weights = ops.convert_to_tensor(weights)

    def loss(outputs):
        hidden_states = ops.sum(outputs["sequence_output"] * weights)
        return hidden_states + ops.sum(outputs["pooled_output"])

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            total = loss(model(inputs))
        gradients = tape.gradient(total, [x.value for x in variables])
    elif keras.backend.backend() == "torch":
        import torch

        gradients = torch.autograd.grad(
            loss(model(inputs)), [x.value for x in variables]
        )
    else:
        import jax

        fixed = [x.value for x in model.non_trainable_variables]
        gradients = jax.jit(
            jax.grad(
                lambda values: loss(model.stateless_call(values, fixed, inputs)[0])
            )
        )([x.value for x in variables])
    return {
        variable.path: ops.convert_to_numpy(ops.convert_to_tensor(gradient))
        for variable, gradient in zip(variables, gradients, strict=True)
    }


def test_gradients_of_all_weights_are_theirs(models, golden):
    model, inputs = models("backbone"), entries(golden, f"{GRADIENT_CASE}/")
    gradients = gradients_of(model, inputs, loss_weights(inputs["padding_mask"]))
    with np.load(GRADIENTS_FILE) as file:
        expected = dict(file)
    places = backbone_weights(model)
    assert {place.tensor for place in places} == set(expected)
    assert len(gradients) == len(expected)
    # Softmax does not see a number added to all keys: that gradient is rounding alone.
    scale = {
        name: np.abs(x).max() if "key" not in name or "bias" not in name else 1.0
        for name, x in expected.items()
    }
    for place in places:
        ours = gradients[place.variable(model).path]
        ours = ours.T if place.transposed else ours
        np.testing.assert_allclose(
            ours / scale[place.tensor],
            expected[place.tensor] / scale[place.tensor],
            atol=TOLERANCE,
            err_msg=place.tensor,
        )


@pytest.mark.slow
def test_a_checkpoint_trains():
    model = from_huggingface(GOLDEN_FOLDER / "text_classifier")
    inputs = CASES["global_rows"]()
    # The quickest way of each backend: what is tried here is what they all share.
    eagerly = keras.backend.backend() != "jax"
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=eagerly, jit_compile="auto")
    history = model.fit(inputs, np.array([0, 1, 2, 0]), epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
