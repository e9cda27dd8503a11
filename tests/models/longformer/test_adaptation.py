"""LoRA, eight-bit weights and rematerialisation of this family."""

import functools

import h5py
import keras
import keras_hub
import numpy as np
import pytest
from keras import ops

import longkeras
from longkeras.models import LongformerTextClassifier
from tests.models.longformer.small_longformer import (
    COMPILED,
    draw_weights,
    outputs_of,
    random_inputs,
    small_backbone,
)

LABELS = np.array([0, 2])


def small_classifier(**options):
    # One layer, since what is tried here holds of each for itself.
    options = {"num_layers": 1, "attention_window": 4, **options}
    classifier = LongformerTextClassifier(
        small_backbone(**options), num_classes=3, dropout=0.0
    )
    draw_weights(classifier)
    return classifier


def trained(classifier, learning_rate=0.05, **options):
    options = {"jit_compile": COMPILED, **options}
    classifier.compile(keras.optimizers.Adam(learning_rate), **options)
    classifier.fit(random_inputs(), LABELS, epochs=3, shuffle=False, verbose=0)
    return classifier


def values_of(weights):
    return [ops.convert_to_numpy(weight) for weight in weights]


def test_lora_trains_its_factors_alone_and_reloads_exactly(tmp_path):
    classifier = small_classifier()
    frozen = list(classifier.backbone.weights)
    before = values_of(frozen)
    classifier.backbone.enable_lora(2)
    # Two factors for each of four projections.
    assert len(classifier.backbone.trainable_weights) == 8
    trained(classifier, run_eagerly=not COMPILED)
    for one, other in zip(values_of(frozen), before, strict=True):
        np.testing.assert_array_equal(one, other)
    path = str(tmp_path / "weights.lora.h5")
    classifier.backbone.save_lora_weights(path)
    fresh = small_classifier().backbone
    inputs = random_inputs()
    expected = outputs_of(classifier.backbone, inputs)["sequence_output"]
    plain = outputs_of(fresh, inputs)["sequence_output"]
    assert np.abs(plain - expected).max() > 1e-3
    fresh.load_lora_weights(path)
    loaded = outputs_of(fresh, inputs)["sequence_output"]
    np.testing.assert_array_equal(loaded, expected)


def with_lora(classifier):
    classifier.backbone.enable_lora(2)


def with_lora_of_some(classifier):
    classifier.backbone.enable_lora(2, ["intermediate", "token_embedding"])
    classifier.backbone.embeddings_layer_norm.trainable = True


def with_lora_on_int8(classifier):
    classifier.quantize("int8")
    classifier.backbone.enable_lora(2)


def with_a_frozen_layer(classifier):
    classifier.backbone.position_embedding.trainable = False
    classifier.pooled_dense.trainable = False


def with_one_layer_trained(classifier):
    classifier.backbone.trainable = False
    classifier.backbone.transformer_layers[0].trainable = True


PREPARED = pytest.mark.parametrize(
    "prepare",
    [
        with_lora,
        pytest.param(with_lora_of_some, marks=pytest.mark.slow),
        pytest.param(with_lora_on_int8, marks=pytest.mark.slow),
        pytest.param(with_a_frozen_layer, marks=pytest.mark.slow),
        pytest.param(with_one_layer_trained, marks=pytest.mark.slow),
    ],
)
QUANTIZING = pytest.mark.filterwarnings(
    # Keras says so of every layer that has no product to quantize, inputs included.
    "ignore:Layer .* does not have a `quantize` method"
)


@functools.cache
def prepared_and_trained(prepare):
    """Made once: tests compare it with what comes back, whatever its state is."""
    classifier = small_classifier()
    prepare(classifier)
    return trained(classifier, run_eagerly=not COMPILED)


def go_on(classifier):
    classifier.fit(random_inputs(), LABELS, epochs=2, shuffle=False, verbose=0)
    return everything_of(classifier)


def everything_of(classifier):
    return values_of([*classifier.variables, *classifier.optimizer.variables])


def assert_equal(values, others):
    for one, other in zip(values, others, strict=True):
        np.testing.assert_array_equal(one, other)


@QUANTIZING
@PREPARED
def test_a_trained_model_comes_back_from_its_file_and_goes_on(prepare, tmp_path):
    classifier = prepared_and_trained(prepare)
    classifier.save(tmp_path / "model.keras")
    loaded, plain = (
        load(tmp_path / "model.keras")
        for load in (longkeras.load_model, keras.saving.load_model)
    )
    before = everything_of(classifier)
    after = go_on(classifier)
    assert any((one != other).any() for one, other in zip(before, after, strict=True))
    for again in (loaded, plain):
        assert_equal(everything_of(again), before)
        assert [each.path for each in again.trainable_weights] == [
            each.path for each in classifier.trainable_weights
        ]
    assert_equal(go_on(loaded), after)


@QUANTIZING
@PREPARED
def test_a_preset_keeps_factors_and_frozen_weights(prepare, tmp_path):
    classifier = prepared_and_trained(prepare)
    classifier.save_to_preset(tmp_path / "preset")
    again = longkeras.load_model(tmp_path / "preset")
    assert_equal(values_of(again.weights), values_of(classifier.weights))
    assert len(again.trainable_weights) == len(classifier.trainable_weights)
    frozen = type(classifier).from_preset(str(tmp_path / "preset"), trainable=False)
    assert not frozen.backbone.trainable_weights
    # The optimizer's state, which KerasHub puts beside the head, fits no new task.
    with h5py.File(tmp_path / "preset" / "task.weights.h5") as file:
        assert "optimizer" not in file


def test_a_model_without_lora_reads_the_merged_weights(tmp_path):
    classifier = prepared_and_trained(with_lora)
    path = tmp_path / "model.weights.h5"
    keras.saving.save_weights(classifier, path, objects_to_skip=[classifier.optimizer])
    plain, again = small_classifier(), small_classifier()
    with_lora(again)
    inputs = random_inputs()
    expected = outputs_of(classifier, inputs)
    for model in (plain, again):
        keras.saving.load_weights(model, path, objects_to_skip=[model.optimizer])
        np.testing.assert_allclose(outputs_of(model, inputs), expected, atol=1e-5)
    assert_equal(values_of(again.weights), values_of(classifier.weights))


@pytest.mark.parametrize("is_enabled", [False, True])
@pytest.mark.parametrize(
    "prepare", [with_lora, pytest.param(with_lora_of_some, marks=pytest.mark.slow)]
)
def test_lora_weights_hold_all_that_was_trained(prepare, is_enabled, tmp_path):
    classifier = prepared_and_trained(prepare)
    path = tmp_path / "all.lora.h5"
    classifier.save_lora_weights(path)
    again = small_classifier()
    if is_enabled:
        prepare(again)
    again.load_lora_weights(path)
    assert_equal(values_of(again.weights), values_of(classifier.weights))
    # Without the head, from the same file.
    backbone = small_classifier().backbone
    backbone.load_lora_weights(path)
    assert_equal(values_of(backbone.weights), values_of(classifier.backbone.weights))


def test_lora_weights_of_another_rank_or_other_layers_are_refused(tmp_path):
    classifier = small_classifier()
    path = tmp_path / "all.lora.h5"
    with pytest.raises(ValueError, match="`enable_lora`, which must be called first"):
        classifier.save_lora_weights(path)
    with_lora(classifier)
    classifier.save_lora_weights(path)
    with pytest.raises(ValueError, match=r"`filepath` must end in `\.lora\.h5`"):
        classifier.backbone.save_lora_weights(tmp_path / "all.h5")
    for options in ((3,), (2, ["key"])):
        other = small_classifier()
        other.backbone.enable_lora(*options)
        with pytest.raises(ValueError, match="of the rank and the layers"):
            other.load_lora_weights(path)
    longer_head = LongformerTextClassifier(
        small_backbone(num_layers=1, attention_window=4), num_classes=5
    )
    with pytest.raises(ValueError, match=r"in their shapes.*logits/kernel \(8, 3\)"):
        longer_head.load_lora_weights(path)


def test_lora_weights_of_an_earlier_release_are_loaded(tmp_path):
    backbone = prepared_and_trained(with_lora).backbone
    path = tmp_path / "factors.lora.h5"
    # KerasHub's form, which had the factors alone.
    keras_hub.models.Backbone.save_lora_weights(backbone, str(path))
    again = small_classifier().backbone
    again.load_lora_weights(path)
    assert_equal(values_of(again.weights), values_of(backbone.weights))


def test_lora_of_layers_that_are_not_there_is_refused():
    with pytest.raises(ValueError, match=r"Received: target_layer_names=\['quary'\]"):
        small_backbone().enable_lora(2, ["quary"])


@pytest.mark.slow
def test_rematerialisation_changes_no_step():
    options = {"dropout": 0.2, "attention_dropout": 0.2, "seed": 4}
    plain = trained(small_classifier(**options), jit_compile=False)
    # Not every layer: TensorFlow recomputes none of Keras' that are told `training`.
    layers = ["transformer_layer_0"]
    with keras.RematScope(mode="list_of_layers", layer_names=layers):
        remade = trained(small_classifier(**options), jit_compile=False)
    for one, other in zip(
        values_of(plain.weights), values_of(remade.weights), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=3e-5)


@pytest.mark.slow
def test_accumulated_gradients_are_those_of_the_whole_batch():
    inputs = random_inputs(batch_size=4)
    labels = np.array([0, 2, 1, 1])
    results = []
    for batch_size, steps in ((4, None), (2, 2)):
        classifier = small_classifier()
        optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=steps)
        classifier.compile(optimizer, jit_compile=COMPILED)
        classifier.fit(inputs, labels, batch_size=batch_size, shuffle=False, verbose=0)
        results.append(values_of(classifier.trainable_weights))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.slow
def test_mixed_bfloat16_trains_under_xla():
    classifier = trained(small_classifier(dtype="mixed_bfloat16"), jit_compile=True)
    kernel = classifier.backbone.transformer_layers[0].attention.query_dense.kernel
    assert keras.backend.standardize_dtype(kernel.dtype) == "float32"
    assert np.isfinite(outputs_of(classifier, random_inputs())).all()
