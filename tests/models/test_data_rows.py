"""What `fit` is given is shuffled: every row once an epoch, its parts together."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.models import LongformerBackbone, LongformerTokenClassifier
from longkeras.models.base.data_rows import split_and_shuffled

TEXTS = [f"text {i}" for i in range(20)]


def shuffled(x, y=None, sample_weight=None, **options):
    rows, _ = split_and_shuffled((x, y, sample_weight), **options)
    return rows


def test_every_row_is_taken_once_in_another_order_with_its_target():
    texts, numbers, weights = shuffled(TEXTS, np.arange(20))
    assert weights is None
    assert sorted(numbers) == list(range(20)) != numbers.tolist()
    assert texts == [TEXTS[number] for number in numbers]


def test_a_seed_repeats_the_order_and_a_second_fit_has_its_own():
    keras.utils.set_random_seed(7)
    first, second = (shuffled(TEXTS, np.arange(20))[1].tolist() for _ in range(2))
    keras.utils.set_random_seed(7)
    assert first == shuffled(TEXTS, np.arange(20))[1].tolist() != second


def test_pairs_dicts_weights_and_ragged_rows_stay_together():
    words = [["a"] * i for i in range(5)]
    x = ({"first": np.arange(5), "second": words}, ["q"] * 5)
    (inputs, _), y, weights = shuffled(x, [0, 1, 2, 3, 4], np.arange(5.0))
    assert inputs["first"].tolist() == y == weights.tolist()
    assert [len(row) for row in inputs["second"]] == y


def test_the_rows_that_validate_stay_the_last_ones():
    rows, held_out = split_and_shuffled((TEXTS, np.arange(20), None), 0.25)
    (texts, numbers, _), (last_texts, last_numbers, _) = rows, held_out
    assert sorted(numbers) == list(range(15)) != numbers.tolist()
    assert texts == [TEXTS[number] for number in numbers]
    assert (last_texts, last_numbers.tolist()) == (TEXTS[15:], list(range(15, 20)))
    with pytest.raises(ValueError, match=r"validation_split=0.99, 20 rows"):
        split_and_shuffled((TEXTS, np.arange(20), None), 0.99)


def test_ragged_rows_are_shuffled_too():
    tf = pytest.importorskip("tensorflow")
    words = [[str(i)] * (i % 4) for i in range(20)]
    labels = [[[i, j] for j in range(i % 4)] for i in range(20)]
    x, y = tf.ragged.constant(words), tf.ragged.constant(labels)
    keras.utils.set_random_seed(3)
    texts, targets, _ = shuffled(x, y)
    assert [len(row) for row in targets.to_list()] == [len(row) for row in texts]
    for row, target in zip(texts.to_list(), targets.to_list(), strict=True):
        assert target == [[int(word), j] for j, word in enumerate(row)]
    found = [word.decode() for row in texts.to_list() for word in row]
    expected = [word for row in words for word in row]
    assert sorted(found) == sorted(expected)
    assert found != expected


def test_columns_of_different_counts_are_refused():
    with pytest.raises(ValueError, match=r"one row for each text.*\[3, 2\]"):
        shuffled(["a", "b", "c"], [0, 1])


def test_order_is_kept_where_it_is_asked_for():
    rows = TEXTS, [0] * 20, None
    assert split_and_shuffled(rows, shuffle=False) == (rows, None)


class Batches(keras.utils.PyDataset):
    """Batches of ids, targets and weights."""

    num_batches = None

    def __getitem__(self, index):
        ids = np.full((2, 8), 5 + index % 3)
        inputs = {"token_ids": ids, "global_attention_mask": ids % 2}
        return inputs, ids % 3, np.ones((2, 8), "float32")


def test_a_dataset_of_batches_is_trained_on_without_the_preprocessor():
    backbone = LongformerBackbone(20, 1, 1, 4, 4, 2, max_sequence_length=8, seed=0)
    model = LongformerTokenClassifier(backbone, num_classes=3)
    model.compile("sgd", run_eagerly=True, weighted_metrics=[])
    before = ops.convert_to_numpy(model.output_dense.kernel)
    model.fit(Batches(), steps_per_epoch=2, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == 2
    assert not np.array_equal(before, ops.convert_to_numpy(model.output_dense.kernel))
