"""`convert_to_long` of KerasHub's models: a short text gives what it gave."""

import numpy as np
import pytest

from longkeras import load_model, save_model
from longkeras.conversion import convert_to_long, to_huggingface
from longkeras.models import (
    LongformerBackbone,
    LongformerMaskedLM,
    LongformerTextClassifier,
)
from tests.conversion.small_encoders import (
    BACKBONES,
    MASKED_LMS,
    SHORT,
    TEXT_CLASSIFIERS,
    hidden_states_of,
    short_inputs,
    small_encoder,
    with_masks,
)
from tests.models.longformer.small_longformer import draw_weights, outputs_of

FAMILIES = sorted(BACKBONES)
LONG = 4 * SHORT
WINDOW = 2 * SHORT
TOLERANCE = 2e-5


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def pair(family):
    """An encoder and the Longformer that was made of it."""
    short = small_encoder(family)
    return short, convert_to_long(short, LONG, WINDOW)


def test_a_short_text_gives_the_hidden_states_of_the_short_model(family, pair):
    short, long = pair
    for length in (1, SHORT - 7, SHORT):
        inputs = short_inputs(family, length=max(length, 9))
        close(hidden_states_of(long, inputs), hidden_states_of(short, inputs))


def test_a_global_token_sees_what_it_saw(family, pair):
    short, long = pair
    inputs = short_inputs(family)
    global_attention_mask = np.zeros_like(inputs["token_ids"])
    global_attention_mask[:, [0, 4]] = 1
    given = {**inputs, "global_attention_mask": global_attention_mask}
    close(hidden_states_of(long, given), hidden_states_of(short, inputs))


def test_berts_pooled_output_is_kept():
    short = small_encoder("bert")
    long = convert_to_long(short, LONG, WINDOW)
    inputs = short_inputs("bert")
    ours, theirs = outputs_of(long, inputs), outputs_of(short, inputs)
    close(ours["pooled_output"], theirs["pooled_output"])


@pytest.mark.slow
def test_masked_language_models_keep_their_head(family):
    short = MASKED_LMS[family](small_encoder(family))
    draw_weights(short)
    long = convert_to_long(short, LONG, WINDOW)
    assert isinstance(long, LongformerMaskedLM)
    inputs = with_masks(short_inputs(family))
    ours, theirs = outputs_of(long, inputs), outputs_of(short, inputs)
    close(ours, theirs)


@pytest.mark.slow
def test_text_classifiers_keep_their_head(family):
    short = TEXT_CLASSIFIERS[family](
        small_encoder(family), num_classes=3, activation="softmax", dropout=0.3
    )
    draw_weights(short)
    long = convert_to_long(short, LONG, WINDOW)
    assert isinstance(long, LongformerTextClassifier)
    assert long.dropout == 0.3
    inputs = short_inputs(family)
    close(outputs_of(long, inputs), outputs_of(short, inputs))


def test_positions_are_the_old_rows_in_turn(family, pair):
    short, long = pair
    is_bert = family == "bert"
    layer = short.position_embedding if is_bert else short.embeddings.position_embedding
    rows = np.array(layer.position_embeddings)
    table = np.array(long.position_embedding.position_embeddings)
    first = long.padding_id + 1
    assert table.shape == (first + LONG, 8)
    for turn in range(4):
        start = first + turn * SHORT
        np.testing.assert_array_equal(table[start : start + SHORT], rows)


def test_the_new_length_need_not_be_a_multiple_of_the_old_one():
    long = convert_to_long(small_encoder("roberta"), SHORT + 5, [4, 8])
    assert long.attention_window == [4, 8]
    table = np.array(long.position_embedding.position_embeddings)
    np.testing.assert_array_equal(table[2:7], table[2 + SHORT :])


def test_projections_of_global_tokens_are_copies(pair):
    _, long = pair
    for layer in long.transformer_layers:
        for kind in ("query", "key", "value"):
            local = getattr(layer.attention, f"{kind}_dense").get_weights()
            other = getattr(layer.attention, f"global_{kind}_dense").get_weights()
            for ours, theirs in zip(local, other, strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_a_long_text_is_read(family, pair):
    _, long = pair
    token_ids = np.random.default_rng(0).integers(3, 40, size=(1, LONG))
    output = outputs_of(long, {"token_ids": token_ids})["sequence_output"]
    assert np.isfinite(output).all()


@pytest.mark.slow
def test_the_converted_model_is_saved_and_loaded(tmp_path):
    short = MASKED_LMS["bert"](small_encoder("bert"))
    draw_weights(short)
    long = convert_to_long(short, LONG, WINDOW)
    inputs = with_masks(short_inputs("bert"))
    for name in ("long.keras", "long"):
        again = load_model(save_model(long, tmp_path / name), compile=False)
        np.testing.assert_array_equal(
            outputs_of(again, inputs), outputs_of(long, inputs)
        )


def test_a_head_that_hugging_face_has_not_is_not_written(tmp_path):
    long = convert_to_long(MASKED_LMS["bert"](small_encoder("bert")), LONG, WINDOW)
    with pytest.raises(ValueError, match="head_layer_norm_epsilon=1e-05"):
        to_huggingface(long, tmp_path / "long")


def test_a_preset_folder_of_kerashub_is_converted(tmp_path):
    short = MASKED_LMS["roberta"](small_encoder("roberta"))
    draw_weights(short)
    short.save_to_preset(str(tmp_path / "preset"))
    inputs = short_inputs("roberta")
    backbone = convert_to_long(str(tmp_path / "preset"), LONG, WINDOW)
    assert isinstance(backbone, LongformerBackbone)
    task = convert_to_long(str(tmp_path / "preset"), LONG, WINDOW, task="masked_lm")
    masked = with_masks(inputs)
    close(outputs_of(task, masked), outputs_of(short, masked))
    close(hidden_states_of(backbone, inputs), hidden_states_of(short.backbone, inputs))


def test_the_dtype_of_the_old_model_is_kept():
    long = convert_to_long(small_encoder("roberta", dtype="bfloat16"), LONG, WINDOW)
    assert long.dtype_policy.name == "bfloat16"


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (lambda: small_encoder("roberta"), {"max_sequence_length": 8}, "at least"),
        (lambda: small_encoder("roberta"), {"attention_window": 7}, "even"),
        (lambda: small_encoder("roberta"), {"task": "backbone"}, "`task`"),
        (lambda: 3, {}, "`model` must be KerasHub's"),
        (lambda: "no/such:preset", {"task": "token_classifier"}, "no such folder"),
        (lambda: "roberta_base_en", {"task": "summarizer"}, "`task`"),
        (lambda: small_encoder("roberta"), {"num_classes": 2}, "`num_classes`"),
    ],
)
def test_what_cannot_be_is_refused(model, options, message):
    sizes = {"max_sequence_length": LONG, "attention_window": WINDOW}
    with pytest.raises(ValueError, match=message):
        convert_to_long(model(), **{**sizes, **options})


def test_a_longformer_is_sent_to_extend_positions():
    long = convert_to_long(small_encoder("roberta"), LONG, WINDOW)
    with pytest.raises(ValueError, match="extend_positions"):
        convert_to_long(long)


# Keras says of each layer that it does not quantize.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`:UserWarning")
def test_quantized_and_adapted_models_are_refused():
    quantized = small_encoder("roberta")
    quantized.quantize("int8")
    adapted = small_encoder("roberta")
    adapted.enable_lora(2)
    for model in (quantized, adapted):
        with pytest.raises(ValueError, match="quantized"):
            convert_to_long(model, LONG, WINDOW)


def test_a_head_of_another_width_is_refused():
    short = TEXT_CLASSIFIERS["roberta"](
        small_encoder("roberta"), num_classes=3, hidden_dim=5
    )
    with pytest.raises(ValueError, match="hidden_dim=5"):
        convert_to_long(short, LONG, WINDOW)
