"""The backbone: shapes, refusals, what padding and segments change, longer tables."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.models import LongformerBackbone
from tests.models.longformer.small_longformer import (
    MAX_SEQUENCE_LENGTH,
    outputs_of,
    random_inputs,
    small_backbone,
)


@pytest.mark.parametrize("length", [1, 2, 7, 63, 64])
def test_any_length_up_to_the_table_is_read(length):
    backbone = small_backbone(use_pooler=True)
    outputs = outputs_of(backbone, {"token_ids": np.full((2, length), 5)})
    assert outputs["sequence_output"].shape == (2, length, 8)
    assert outputs["pooled_output"].shape == (2, 8)
    assert np.isfinite(outputs["sequence_output"]).all()


def test_a_longer_text_is_refused_with_the_limit_and_the_cure():
    token_ids = np.full((1, MAX_SEQUENCE_LENGTH + 1), 5)
    with pytest.raises(ValueError, match=r"at most 64 .*windows.*extend_positions\(65"):
        small_backbone()({"token_ids": token_ids})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"segment_ids": np.ones((1, 4), "int32")}, r"`segment_ids`.*less than 1"),
        ({"token_ids": np.full((1, 4), 40)}, r"`token_ids`.*less than 40"),
        ({"global_mask": np.ones((1, 4), "int32")}, r"no others than .*global_mask"),
        ({"token_ids": None}, r"must be a dict with `token_ids`"),
    ],
)
def test_what_has_no_embedding_or_name_is_refused(inputs, message):
    inputs = {"token_ids": np.full((1, 4), 5), **inputs}
    with pytest.raises(ValueError, match=message):
        small_backbone()(inputs)


def test_a_list_must_have_one_window_a_layer():
    with pytest.raises(ValueError, match="one per layer"):
        small_backbone(attention_window=[4])


def test_what_stands_in_padding_changes_nothing():
    backbone, inputs = small_backbone(num_segments=2), random_inputs()
    before = outputs_of(backbone, inputs)["sequence_output"]
    real = inputs["padding_mask"] == 1
    changed = {
        **inputs,
        "global_attention_mask": np.where(real, inputs["global_attention_mask"], 1),
        "segment_ids": np.where(real, 0, 1),
    }
    after = outputs_of(backbone, changed)["sequence_output"]
    np.testing.assert_allclose(after[real], before[real], atol=1e-6)


def test_left_and_right_padding_give_the_same_hidden_states():
    backbone = small_backbone()
    ids = np.random.default_rng(3).integers(3, 40, (1, 9)).astype("int32")
    right = np.pad(ids, [(0, 0), (0, 4)], constant_values=1)
    left = np.pad(ids, [(0, 0), (4, 0)], constant_values=1)
    one, other = (
        outputs_of(
            backbone,
            {
                "token_ids": token_ids,
                "padding_mask": (token_ids != 1).astype("int32"),
                "global_attention_mask": (token_ids == ids[0, 0]).astype("int32"),
            },
        )["sequence_output"]
        for token_ids in (right, left)
    )
    np.testing.assert_allclose(one[:, :9], other[:, 4:], atol=2e-6)


def test_segments_count():
    backbone, inputs = small_backbone(num_segments=2), random_inputs()
    before = outputs_of(backbone, inputs)["sequence_output"]
    inputs["segment_ids"] = 1 - inputs["segment_ids"]
    after = outputs_of(backbone, inputs)["sequence_output"]
    assert np.abs(after - before).max() > 1e-2


def test_a_longer_table_reads_short_texts_as_before_and_long_ones_too():
    backbone, inputs = small_backbone(), random_inputs()
    longer = backbone.extend_positions(150)
    assert longer.max_sequence_length == 150
    np.testing.assert_array_equal(
        outputs_of(longer, inputs)["sequence_output"],
        outputs_of(backbone, inputs)["sequence_output"],
    )
    old = ops.convert_to_numpy(backbone.position_embedding.position_embeddings)
    new = ops.convert_to_numpy(longer.position_embedding.position_embeddings)
    np.testing.assert_array_equal(new[:66], old)
    np.testing.assert_array_equal(new[66:130], old[2:])
    np.testing.assert_array_equal(new[130:], old[2:24])
    outputs = outputs_of(longer, {"token_ids": np.full((1, 150), 5)})
    assert np.isfinite(outputs["sequence_output"]).all()
    with pytest.raises(ValueError, match="must be more than that of the model, 150"):
        longer.extend_positions(150)


def test_global_projections_can_start_from_the_others():
    backbone = small_backbone()
    backbone.copy_projections_to_global()
    for layer in backbone.transformer_layers:
        attention = layer.attention
        for one, other in (
            (attention.query_dense, attention.global_query_dense),
            (attention.key_dense, attention.global_key_dense),
            (attention.value_dense, attention.global_value_dense),
        ):
            np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])


def test_one_seed_gives_one_model_and_layers_that_differ():
    sizes = {"vocabulary_size": 20, "num_layers": 2, "num_heads": 2, "hidden_dim": 8}
    sizes |= {"intermediate_dim": 8, "attention_window": 4, "max_sequence_length": 8}
    one, same, other = (LongformerBackbone(**sizes, seed=seed) for seed in (1, 1, 2))

    def kernel(model, index):
        return model.transformer_layers[index].output_dense.get_weights()[0]

    np.testing.assert_array_equal(kernel(one, 0), kernel(same, 0))
    assert not np.array_equal(kernel(one, 0), kernel(other, 0))
    assert not np.array_equal(kernel(one, 0), kernel(one, 1))


def test_mixed_bfloat16_is_close_to_float32():
    inputs = random_inputs()
    full = outputs_of(small_backbone(), inputs)["sequence_output"]
    half = outputs_of(small_backbone(dtype="mixed_bfloat16"), inputs)["sequence_output"]
    assert np.abs(full - half.astype("float32")).max() < 0.2


def test_the_backbone_comes_back_from_its_config():
    backbone = small_backbone(attention_dilation=[1, [1, 2]], activation="relu")
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(backbone)
    )
    assert again.get_config() == backbone.get_config()
