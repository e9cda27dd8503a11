"""Hidden states and gradients against `transformers`, over awkward inputs."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.conversion import from_huggingface

pytestmark = pytest.mark.parity

BATCH = 4
TOLERANCE = 2e-5
# Windows of the layers. Theirs must divide the padded length, ours need not.
WINDOWS = {
    "equal": [8, 8],
    "growing": [4, 12],
    "not dividing": [6, 4, 10],
    "wide": [64],
}
LENGTHS = (1, 5, 16, 37)
PADDINGS = ("none", "right", "left", "holes", "whole row")
GLOBALS = ("none", "first", "differ", "many", "all")
# Each window, length, padding and kind of global tokens at least twice.
CASES = [
    (list(WINDOWS)[i % 4], LENGTHS[(i // 2) % 4], PADDINGS[i % 5], GLOBALS[(2 * i) % 5])
    for i in range(20)
]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """For each list of windows their model and ours, made when asked for."""
    made = {}

    def pair(name):
        if name not in made:
            theirs = their_model(WINDOWS[name])
            folder = tmp_path_factory.mktemp("checkpoint")
            theirs.save_pretrained(folder)
            made[name] = theirs, from_huggingface(folder, dropout=0.0)
        return made[name]

    return pair


def their_model(windows):
    import torch
    import transformers

    torch.manual_seed(len(windows))
    config = transformers.LongformerConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=len(windows),
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=130,
        attention_window=windows,
        type_vocab_size=2,
        layer_norm_eps=1e-5,
    )
    model = transformers.LongformerModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def inputs_of(length, padding, globals_, seed):
    random = np.random.default_rng(seed)
    padding_mask = np.ones((BATCH, length), int)
    if padding == "right":
        padding_mask[1:, length - length // 3 :] = 0
    elif padding == "left":
        padding_mask[1:, : length // 3] = 0
    elif padding == "holes":
        padding_mask &= random.random((BATCH, length)) > 0.3
    elif padding == "whole row":
        padding_mask[2] = 0
    token_ids = random.integers(3, 40, (BATCH, length))
    # Most of the padding is the padding token; some is text that is not to be seen.
    token_ids[(padding_mask == 0) & (random.random((BATCH, length)) > 0.2)] = 1
    is_global = np.zeros((BATCH, length), int)
    if globals_ == "first":
        is_global[:, 0] = 1
    elif globals_ == "differ":
        is_global[1, [0, length // 2]], is_global[3, length - 1] = 1, 1
    elif globals_ == "many":
        is_global |= random.random((BATCH, length)) < 0.4
    elif globals_ == "all":
        is_global[:] = 1
    return {
        "token_ids": token_ids,
        "padding_mask": padding_mask,
        "global_attention_mask": is_global,
        "segment_ids": random.integers(0, 2, (BATCH, length)),
    }


def their_output(model, inputs):
    """Theirs of the inputs behind so much padding that every window divides it."""
    import torch

    length = inputs["token_ids"].shape[1]
    multiple = int(np.lcm.reduce(model.config.attention_window))
    fill = {"token_ids": 1}
    padded = {
        name: torch.tensor(
            np.pad(
                x, [(0, 0), (0, -length % multiple)], constant_values=fill.get(name, 0)
            )
        )
        for name, x in inputs.items()
    }
    output = model(
        padded["token_ids"],
        attention_mask=padded["padding_mask"],
        global_attention_mask=padded["global_attention_mask"],
        token_type_ids=padded["segment_ids"],
    )
    return output.last_hidden_state[:, :length]


@pytest.mark.parametrize(("windows", "length", "padding", "globals_"), CASES)
def test_hidden_states_are_theirs(models, windows, length, padding, globals_):
    theirs, ours = models(windows)
    inputs = inputs_of(length, padding, globals_, seed=length)
    expected = their_output(theirs, inputs).detach().numpy()
    actual = ops.convert_to_numpy(ours(inputs)["sequence_output"])
    # Theirs leave rows without any real token to what masking does to them.
    shown = np.broadcast_to(inputs["padding_mask"].any(1), (length, BATCH)).T
    shown = shown & (inputs["padding_mask"] == 1)
    np.testing.assert_allclose(
        actual[shown], expected[shown], atol=TOLERANCE, rtol=TOLERANCE
    )
    assert np.isfinite(actual).all()


def our_gradients(model, inputs, weights):
    def loss():
        hidden_states = model(inputs)["sequence_output"]
        return ops.sum(hidden_states * weights)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            total = loss()
        return tape.gradient(total, [x.value for x in model.trainable_variables])
    import jax

    def stateless(values):
        outputs, _ = model.stateless_call(values, fixed, inputs)
        return ops.sum(outputs["sequence_output"] * weights)

    fixed = [x.value for x in model.non_trainable_variables]
    return jax.grad(stateless)([x.value for x in model.trainable_variables])


@pytest.mark.parametrize(
    ("windows", "padding", "globals_"),
    [
        ("growing", "right", "differ"),
        ("not dividing", "left", "many"),
        ("equal", "none", "none"),
    ],
)
def test_gradients_are_theirs(models, windows, padding, globals_):
    import torch

    theirs, ours = models(windows)
    inputs = inputs_of(24, padding, globals_, seed=5)
    shown = inputs["padding_mask"][..., None]
    weights = np.random.default_rng(0).normal(size=(BATCH, 24, 16)) * shown
    theirs.zero_grad()
    output = their_output(theirs, inputs)
    (output * torch.tensor(weights, dtype=torch.float32)).sum().backward()
    embeddings = theirs.embeddings.word_embeddings.weight.grad.numpy()
    layer = theirs.encoder.layer[0]
    expected = {
        "token_embedding/embeddings": embeddings,
        "transformer_layer_0/intermediate/kernel": layer.intermediate.dense.weight.grad,
        "attention/query/kernel": layer.attention.self.query.weight.grad,
        "attention/value/kernel": layer.attention.self.value.weight.grad,
        "attention/global_key/kernel": layer.attention.self.key_global.weight.grad,
        "attention/global_value/bias": layer.attention.self.value_global.bias.grad,
    }
    gradients = our_gradients(ours, inputs, weights.astype("float32"))
    ours_by_path = {
        variable.path: ops.convert_to_numpy(ops.convert_to_tensor(gradient))
        for variable, gradient in zip(ours.trainable_variables, gradients, strict=True)
        if gradient is not None
    }
    for name, theirs_of_it in expected.items():
        found = [
            x
            for path, x in ours_by_path.items()
            if path.endswith(name) and "1" not in path
        ]
        if theirs_of_it is None:  # no token is global
            assert all(not x.any() for x in found)
            continue
        theirs_of_it = np.asarray(theirs_of_it)
        if name.endswith("kernel"):
            theirs_of_it = theirs_of_it.T
        scale = np.abs(theirs_of_it).max()
        np.testing.assert_allclose(
            found[0] / scale, theirs_of_it / scale, atol=TOLERANCE, err_msg=name
        )
