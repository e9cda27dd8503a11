"""What every layer promises: symbolic shapes, exact saving, mixed precision, XLA."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.layers import (
    XIELU,
    CausalDecoderLayer,
    FullSelfAttention,
    LearnedPositionEmbedding,
    LongformerSelfAttention,
    RecurrentStack,
    RotaryEmbedding,
    SharedPReLU,
    SlidingWindowAttention,
)
from longkeras.layers.parts import parts_of

LENGTH, HIDDEN_DIM = 6, 8
LAYERS = {
    "rotary": lambda **more: RotaryEmbedding(50.0, **more),
    "positions": lambda **more: LearnedPositionEmbedding(LENGTH, **more),
    "full": lambda **more: FullSelfAttention(2, **more),
    "window": lambda **more: SlidingWindowAttention(2, 3, [1, 2], True, **more),
    "longformer": lambda **more: LongformerSelfAttention(2, 4, **more),
    "decoder": lambda **more: CausalDecoderLayer(12, 2, attention_window=3, **more),
    "lstm": lambda **more: RecurrentStack(HIDDEN_DIM, 2, **more),
    "prelu": SharedPReLU,
    "xielu": XIELU,
    "gru": lambda **more: RecurrentStack(HIDDEN_DIM, 2, cell="gru", **more),
}
WITH_WEIGHTS = [name for name in LAYERS if name != "rotary"]
# One that has all the parts of the others, and one with a layer inside.
WITH_ATTENTION = ["longformer", "decoder"]


def inputs(name, batch_size=2):
    shape = (batch_size, LENGTH, HIDDEN_DIM)
    if name == "rotary":
        shape = (batch_size, LENGTH, 2, HIDDEN_DIM // 2)
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def as_array(tensor):
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))


def masks(name):
    """What a layer is called with, so that every part of it has a say."""
    if name != "longformer":
        return {}
    return {"global_attention_mask": np.tile(np.arange(LENGTH) % 4 == 1, (2, 1))}


def small_model(name, dtype=None, remat=None, **options):
    with keras.RematScope(mode=remat):
        layer = LAYERS[name](dtype=dtype, **options)
    x = keras.Input(inputs(name).shape[1:])
    given = masks(name)
    if name == "longformer":
        # Computed, not constant: which tokens are global is known when it runs.
        given = {"global_attention_mask": x[:, :, 0] > x[:, :, 1]}
    return keras.Model(x, layer(x, **given))


@pytest.mark.parametrize("name", LAYERS)
def test_symbolic_and_eager_outputs_have_one_shape(name):
    layer, x = LAYERS[name](), inputs(name)
    free = (None, None, *x.shape[2:])
    assert layer.compute_output_shape(free) == free
    symbolic = layer(keras.KerasTensor(x.shape))
    assert tuple(symbolic.shape) == tuple(layer(x).shape)
    assert symbolic.dtype == keras.backend.standardize_dtype(layer(x).dtype)


@pytest.mark.parametrize("name", LAYERS)
def test_a_saved_layer_gives_the_same_output(name, tmp_path):
    model, x = small_model(name), inputs(name)
    loaded = reloaded(model, tmp_path)
    np.testing.assert_array_equal(as_array(loaded(x)), as_array(model(x)))


@pytest.mark.parametrize("name", LAYERS)
def test_mixed_precision_computes_in_half_and_keeps_whole_weights(name):
    layer, x = LAYERS[name](dtype="mixed_bfloat16"), inputs(name)
    output = layer(x, **masks(name))
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    assert all(weight.dtype == "float32" for weight in layer.weights)
    precise = LAYERS[name]()
    precise.build(x.shape)
    precise.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        as_array(output), as_array(precise(x, **masks(name))), atol=0.05
    )


def test_one_step_of_training_under_xla_moves_every_weight():
    # All in one program: tracing and compiling are what takes long.
    x = keras.Input((LENGTH, HIDDEN_DIM))
    outputs = [small_model(name)(x) for name in WITH_WEIGHTS]
    model = keras.Model(x, keras.layers.Concatenate()(outputs))
    model.compile(keras.optimizers.SGD(0.5 * len(outputs)), "mse", jit_compile=True)
    before = [as_array(weight) for weight in model.trainable_weights]
    targets = np.ones((2, LENGTH, HIDDEN_DIM * len(outputs)))
    model.fit(inputs("full"), targets, epochs=1, verbose=0)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        new = as_array(weight)
        assert np.isfinite(new).all(), weight.path
        assert (new != old).any(), weight.path


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("decoder", marks=pytest.mark.slow_on("tensorflow")),
        pytest.param("longformer", marks=pytest.mark.slow),
    ],
)
def test_rematerialised_training_is_the_same(name):
    # Keras on TensorFlow can do neither masks nor dropout by itself. The decoder is
    # compiled on JAX alone, which is lost without it: TensorFlow takes ten seconds.
    compiled = name == "longformer" or keras.backend.backend() == "jax"
    model = small_model(name, dropout=0.5, seed=1)
    rematerialised = small_model(name, remat="full", dropout=0.5, seed=1)
    x, weights = inputs(name), model.get_weights()
    for each in (model, rematerialised):
        each.set_weights(weights)
        each.compile(keras.optimizers.SGD(0.5), "mse", jit_compile=compiled)
        each.fit(x, np.ones_like(x), epochs=1, shuffle=False, verbose=0)
    pairs = zip(model.weights, rematerialised.weights, strict=True)
    for expected, actual in pairs:
        np.testing.assert_allclose(as_array(actual), as_array(expected), atol=1e-6)


@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_adapted_attention_comes_back(name, tmp_path):
    model, x = small_model(name), inputs(name)
    before = as_array(model(x))
    for part in projections(model):
        part.enable_lora(2)
        part.lora_kernel_b.assign(np.full(part.lora_kernel_b.shape, 0.1))
    assert not [w.path for w in model.trainable_weights if w.name == "kernel"]
    after = as_array(model(x))
    assert np.abs(after - before).max() > 1e-2
    np.testing.assert_allclose(as_array(reloaded(model, tmp_path)(x)), after, atol=1e-5)


@pytest.mark.slow_on("tensorflow")
@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_attention_in_eight_bits_comes_back(name, tmp_path):
    model, x = small_model(name), inputs(name)
    before = as_array(model(x))
    for part in projections(model):
        part.quantize("int8")
    after = as_array(model(x))
    np.testing.assert_allclose(after, before, atol=0.05)
    loaded = reloaded(model, tmp_path)
    assert [w.dtype for w in loaded.weights] == [w.dtype for w in model.weights]
    np.testing.assert_array_equal(as_array(loaded(x)), after)


def projections(model):
    # Not by attributes: PyTorch's modules keep theirs elsewhere.
    parts = parts_of(model.layers[-1])
    return [part for part in parts if isinstance(part, keras.layers.Dense)]


def reloaded(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def test_projections_that_share_a_seeded_initializer_start_differently():
    initializer = keras.initializers.RandomNormal(seed=3)
    kernels = []
    for name in ("decoder", "longformer", "decoder"):
        layer = LAYERS[name](kernel_initializer=initializer)
        layer.build((None, None, HIDDEN_DIM))
        kernels.append([as_array(w) for w in layer.weights if w.name == "kernel"])
    for one, other in itertools.combinations(kernels[0] + kernels[1][4:], 2):
        assert one.shape != other.shape or np.abs(one - other).max() > 1e-3
    for one, other in zip(kernels[0], kernels[2], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_decoder_layer_adds_to_its_input():
    layer, x = LAYERS["decoder"](), inputs("decoder")
    layer.build(x.shape)
    for dense in (layer.attention.output_dense, layer.down_dense):
        dense.kernel.assign(np.zeros(dense.kernel.shape))
    np.testing.assert_array_equal(as_array(layer(x)), x)


def test_dropout_of_a_decoder_layer_works_while_training_alone():
    layer = CausalDecoderLayer(12, 2, dropout=0.5, seed=1)
    x = inputs("decoder")
    np.testing.assert_array_equal(as_array(layer(x)), as_array(layer(x)))
    one, other = (as_array(layer(x, training=True)) for _ in range(2))
    assert not np.allclose(one, other)
