"""LoRA, eight-bit weights and rematerialisation of this family."""

import keras
import numpy as np
import pytest
from keras import ops

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
    trained(classifier)
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


def test_lora_of_layers_that_are_not_there_is_refused():
    with pytest.raises(ValueError, match=r"Received: target_layer_names=\['quary'\]"):
        small_backbone().enable_lora(2, ["quary"])


# Keras says so of every layer that has no product to quantize, inputs included.
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
@pytest.mark.slow
def test_eight_bit_weights_come_back_in_both_formats(tmp_path):
    classifier, inputs = small_classifier(), random_inputs()
    before = outputs_of(classifier, inputs)
    classifier.quantize("int8")
    expected = outputs_of(classifier, inputs)
    assert np.corrcoef(before.ravel(), expected.ravel())[0, 1] > 0.95
    eight_bit = sum(weight.dtype == "int8" for weight in classifier.weights)
    assert eight_bit >= 11  # nine of the block, and two of the head
    classifier.save(tmp_path / "model.keras")
    classifier.save_to_preset(str(tmp_path / "preset"))
    for again in (
        keras.saving.load_model(tmp_path / "model.keras"),
        LongformerTextClassifier.from_preset(str(tmp_path / "preset")),
    ):
        assert sum(weight.dtype == "int8" for weight in again.weights) == eight_bit
        np.testing.assert_array_equal(outputs_of(again, inputs), expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_an_eight_bit_backbone_comes_back_from_its_preset(tmp_path):
    backbone, inputs = small_classifier().backbone, random_inputs()
    backbone.quantize("int8")
    backbone.save_to_preset(str(tmp_path))
    again = type(backbone).from_preset(str(tmp_path))
    np.testing.assert_array_equal(
        outputs_of(again, inputs)["sequence_output"],
        outputs_of(backbone, inputs)["sequence_output"],
    )


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
