"""What `fit` is given is shuffled: every row once an epoch, its parts together."""

import keras
import numpy as np
import pytest

from longkeras.models.shuffled_fit import ShuffledFit


class Recorded:
    """Stands for a KerasHub task: notes what it would train on."""

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        sample_weight=None,
        validation_data=None,
        validation_split=None,
        **options,
    ):
        self.given = x, y, batch_size, sample_weight, validation_data, validation_split
        self.options = options


class Task(ShuffledFit, Recorded):
    """A task that shuffles."""


TEXTS = [f"text {i}" for i in range(20)]


def _epoch(dataset):
    """The parts of an epoch's rows, each as one array or list."""
    batches = list(dataset.as_numpy_iterator())
    parts = [np.concatenate(part) for part in zip(*batches, strict=True)]
    return [part.astype(str) if part.dtype == object else part for part in parts]


def _fitted(*args, **options):
    task = Task()
    task.fit(*args, **options)
    return task.given


def test_every_epoch_has_every_row_once_in_an_order_of_its_own():
    dataset, *others = _fitted(TEXTS, np.arange(20), batch_size=8)
    assert others == [None] * 5
    epochs = [_epoch(dataset) for _ in range(2)]
    for texts, numbers in epochs:
        assert sorted(numbers) == list(range(20))
        assert texts.tolist() == [TEXTS[number] for number in numbers]
    orders = [numbers.tolist() for _, numbers in epochs]
    assert orders[0] != orders[1] != list(range(20))


def test_a_seed_repeats_the_orders():
    orders = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        dataset, *_ = _fitted(TEXTS, np.arange(20))
        orders.append(_epoch(dataset)[1].tolist())
    assert orders[0] == orders[1]


def test_pairs_dicts_weights_and_ragged_rows_stay_together():
    words = [["a"] * (i % 3 + 1) for i in range(5)]
    x = ({"first": np.arange(5), "second": words}, ["q"] * 5)
    dataset, *_ = _fitted(x, [0, 1, 2, 3, 4], sample_weight=np.arange(5.0))
    for (inputs, _), y, weights in dataset:
        assert inputs["first"].numpy().tolist() == y.numpy().tolist()
        assert weights.numpy().tolist() == y.numpy().tolist()
        lengths = [number % 3 + 1 for number in y.numpy()]
        assert inputs["second"].row_lengths().numpy().tolist() == lengths


def test_the_last_rows_validate():
    dataset, _, _, _, held_out, split = _fitted(
        TEXTS, np.arange(20), validation_split=0.25
    )
    assert split is None
    assert sorted(_epoch(dataset)[1]) == list(range(15))
    assert _epoch(held_out)[1].tolist() == list(range(15, 20))


def test_a_split_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match=r"`validation_split` must leave rows"):
        _fitted(TEXTS, np.arange(20), validation_split=0.01)


def test_order_is_kept_where_it_is_asked_for_or_not_ours():
    assert _fitted(TEXTS, [0] * 20, 4, shuffle=False)[:3] == (TEXTS, [0] * 20, 4)
    rows = (row for row in TEXTS)
    assert _fitted(rows)[0] is rows
