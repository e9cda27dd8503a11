"""Learned positions against rows of their table."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.layers import LearnedPositionEmbedding

LENGTH, HIDDEN_DIM = 6, 4
TOKEN_IDS = np.array([[0, 31, 1, 32, 2, 1], [1, 1, 7, 8, 9, 9], [1, 1, 1, 1, 1, 1]])


def embedding(max_sequence_length=LENGTH, **options):
    layer = LearnedPositionEmbedding(max_sequence_length, **options)
    layer.build((None, None, HIDDEN_DIM))
    return layer


def call(layer, length=LENGTH, batch_size=1, **options):
    inputs = np.zeros((batch_size, length, HIDDEN_DIM), "float32")
    return ops.convert_to_numpy(layer(inputs, **options))


def table_of(layer):
    return ops.convert_to_numpy(layer.position_embeddings)


def test_tokens_stand_one_after_another():
    layer = embedding(first_position=2)
    table = table_of(layer)
    assert table.shape == (LENGTH + 2, HIDDEN_DIM)
    np.testing.assert_array_equal(call(layer, batch_size=2), [table[2:], table[2:]])
    np.testing.assert_array_equal(call(layer, 3)[0], table[2:5])


@pytest.mark.parametrize("start", [3, np.int32(3)])
def test_reading_goes_on_from_a_start(start):
    layer = embedding()
    start = start if isinstance(start, int) else ops.convert_to_tensor(start)
    np.testing.assert_array_equal(
        call(layer, 3, start_index=start)[0], table_of(layer)[3:]
    )


def test_positions_may_be_given_for_all_rows_or_each():
    layer = embedding()
    table = table_of(layer)
    rows = np.array([[5, 0, 0], [1, 2, 3]])
    np.testing.assert_array_equal(call(layer, 3, 2, positions=rows), table[rows])
    np.testing.assert_array_equal(
        call(layer, 3, 2, positions=rows[0]), table[rows[[0, 0]]]
    )


def test_roberta_counts_real_tokens_alone():
    # Hugging Face's create_position_ids_from_input_ids, for padding_id 1.
    expected = [[2, 3, 1, 4, 5, 1], [1, 1, 2, 3, 4, 5], [1] * 6]
    positions = LearnedPositionEmbedding.positions_of(TOKEN_IDS, padding_id=1)
    np.testing.assert_array_equal(ops.convert_to_numpy(positions), expected)


def test_positions_of_tokens_work_in_a_model():
    token_ids = keras.Input((None,), dtype="int32")
    layer = embedding(first_position=2)
    x = keras.layers.Embedding(40, HIDDEN_DIM)(token_ids)
    outputs = layer(x, positions=layer.positions_of(token_ids, padding_id=1))
    model = keras.Model(token_ids, outputs)
    expected = table_of(layer)[ops.convert_to_numpy(layer.positions_of(TOKEN_IDS, 1))]
    np.testing.assert_array_equal(ops.convert_to_numpy(model(TOKEN_IDS)), expected)


@pytest.mark.parametrize(("length", "start"), [(7, 0), (3, 4)])
def test_a_text_longer_than_the_table_is_refused(length, start):
    with pytest.raises(ValueError, match=r"at most 6 tokens.*read it in windows"):
        call(embedding(), length, start_index=start)


def test_a_row_beyond_the_table_is_not_another_row():
    rows = call(embedding(), 4, positions=np.array([0, 5, 6, -1]))
    np.testing.assert_array_equal(np.isnan(rows[0, :, 0]), [False, False, True, True])


@pytest.mark.parametrize(
    ("arguments", "name"), [((0,), "max_sequence_length"), ((4, -1), "first_position")]
)
def test_sizes_must_make_a_table(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be an int of at least"):
        LearnedPositionEmbedding(*arguments)
