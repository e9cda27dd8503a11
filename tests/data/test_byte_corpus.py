import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longkeras.data import Book, ByteCorpus
from longkeras.data.window_stream import BookShelf, WindowStream, book_ids


def two_languages(seed=0, **arguments):
    books = [
        Book("a", "en", "It was a dark and stormy night. " * 40),
        Book("b", "en", "x"),
        Book("c", "zh", "话说天下大势，分久必合，合久必分。" * 20),
    ]
    return ByteCorpus(books, seed=seed, **arguments)


class Positions:
    """A shelf whose ids are their own positions: windows show what they cover."""

    def __init__(self, shelf):
        self.name = shelf.name
        self.document_starts = shelf.document_starts
        self.num_tokens = shelf.num_tokens

    def tokens(self, start, stop):
        return np.arange(start, stop)


def epoch_windows(shelf, sequence_length, seed, epoch):
    """All windows of one epoch in the order in which they are drawn."""
    stream = WindowStream(shelf, sequence_length, seed)
    first = sum(stream.num_windows(each) for each in range(epoch))
    draws = range(first, first + stream.num_windows(epoch))
    return [stream.window(draw) for draw in draws]


def same_batches(first, second):
    return (
        np.array_equal(first[0]["token_ids"], second[0]["token_ids"])
        and np.array_equal(first[0]["padding_mask"], second[0]["padding_mask"])
        and np.array_equal(first[1], second[1])
        and np.array_equal(first[2], second[2])
    )


def test_book_ids_stand_between_a_start_and_an_end_token():
    ids = book_ids("aé")
    assert ids.tolist() == [1, 97 + 3, 0xC3 + 3, 0xA9 + 3, 2]
    assert ids.dtype == np.uint16


@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=5),
    sequence_length=st.integers(1, 70),
    seed=st.integers(0, 5),
    epoch=st.integers(0, 3),
)
def test_an_epoch_predicts_every_id_exactly_once(texts, sequence_length, seed, epoch):
    texts = [text.encode("utf-8", "ignore").decode("utf-8") for text in texts]
    shelf = BookShelf("en", texts)
    predicted = np.zeros(len(shelf.ids), dtype=int)
    for window in epoch_windows(Positions(shelf), sequence_length, seed, epoch):
        assert 2 <= len(window) <= sequence_length + 1
        predicted[window[1:]] += 1
    expected = np.ones(len(shelf.ids), dtype=int)
    expected[shelf.document_starts] = 0  # the start tokens
    assert np.array_equal(predicted, expected)


def test_draws_walk_through_the_epochs_without_a_gap():
    shelf = BookShelf("en", ["It was the best of times. " * 9, "Call me Ishmael."])
    stream = WindowStream(shelf, 16, seed=3)
    first, second = stream.num_windows(0), stream.num_windows(1)
    assert stream.locate(0) == (0, 0)
    assert stream.locate(first - 1) == (0, first - 1)
    assert stream.locate(first) == (1, 0)
    assert stream.locate(first + second) == (2, 0)


def test_phases_differ_between_epochs():
    shelf = BookShelf("en", ["It was the best of times. " * 50])
    first_lengths = {
        min((window[0], len(window)) for window in windows)[1]
        for epoch in range(8)
        for windows in [epoch_windows(Positions(shelf), 64, 3, epoch)]
    }
    assert len(first_lengths) > 3


@pytest.mark.parametrize("sequence_length", [1, 63, 64, 1000])
def test_a_resumed_run_goes_on_at_the_exact_batch(sequence_length):
    whole = two_languages(seed=7).training_windows(sequence_length, 3)
    for step in (0, 1, 17, 400):
        resumed = two_languages(seed=7).training_windows(
            sequence_length, 3, start_step=step
        )
        assert same_batches(whole[step], resumed[0])
        assert same_batches(whole[step + 5], resumed[5])


def test_batches_do_not_depend_on_the_order_in_which_they_are_asked_for():
    windows = two_languages().training_windows(32, 4)
    forward = [windows[index] for index in range(60)]
    backward = [windows[index] for index in reversed(range(60))][::-1]
    assert all(map(same_batches, forward, backward))


def test_another_seed_gives_other_batches():
    first = two_languages(seed=0).training_windows(32, 4)[0]
    second = two_languages(seed=1).training_windows(32, 4)[0]
    assert not same_batches(first, second)


def test_targets_are_the_next_ids_and_padding_has_no_weight():
    inputs, targets, weights = two_languages().training_windows(2000, 4)[0]
    token_ids, mask = inputs["token_ids"], inputs["padding_mask"]
    assert token_ids.dtype == targets.dtype == np.int32
    assert mask.dtype == bool
    assert weights.dtype == np.float32
    for row in range(4):
        length = int(mask[row].sum())
        assert mask[row, :length].all()
        assert np.array_equal(token_ids[row, 1:length], targets[row, : length - 1])
        assert not token_ids[row, length:].any()
        assert not targets[row, length:].any()
        assert np.array_equal(weights[row], mask[row].astype(np.float32))


def test_languages_keep_to_their_weights_in_any_stretch():
    corpus = two_languages(language_weights={"en": 3, "zh": 1})
    windows = corpus.training_windows(8, 4)
    chosen = [windows._source(sample)[0] for sample in range(4000)]
    zh = np.cumsum(chosen)
    assert np.all(np.abs(zh - np.arange(1, 4001) / 4) <= 1)


def test_a_weight_of_zero_leaves_a_language_out():
    corpus = two_languages(language_weights={"en": 1, "zh": 0})
    windows = corpus.training_windows(8, 4)
    assert {windows._source(sample)[0] for sample in range(2000)} == {0}


def test_draws_of_a_language_are_consecutive_across_the_schedule_period():
    windows = two_languages(language_weights={"en": 1, "zh": 2}).training_windows(8, 1)
    draws = {0: [], 1: []}
    for sample in range(2500):
        stream, draw = windows._source(sample)
        draws[stream].append(draw)
    assert draws[0] == list(range(len(draws[0])))
    assert draws[1] == list(range(len(draws[1])))


def test_counts_name_books_bytes_and_windows():
    counts = two_languages().counts(sequence_length=10_000)
    assert counts["en"] == {"books": 2, "bytes": 1281, "weight": 1.0, "windows": 2}
    assert counts["zh"]["bytes"] == 51 * 20
    assert two_languages().num_bytes == 1281 + 1020


def test_epochs_follow_the_steps():
    windows = two_languages().training_windows(16, 2)
    assert windows.epochs(0) == {"en": 0.0, "zh": 0.0}
    later = windows.epochs(100)
    assert later["en"] == pytest.approx(
        100 / windows.streams[0].num_windows(0), rel=0.1
    )


def test_a_dataset_with_an_end_has_its_number_of_items():
    windows = two_languages().training_windows(16, 2, num_steps=3)
    assert windows.num_batches == 3
    assert len(list(windows)) == 3
    with pytest.raises(IndexError):
        windows[3]


def test_an_endless_dataset_has_no_number_of_batches():
    assert two_languages().training_windows(16, 2).num_batches is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sequence_length": 0, "batch_size": 1}, "`sequence_length`"),
        ({"sequence_length": 8, "batch_size": 0}, "`batch_size`"),
        ({"sequence_length": 8, "batch_size": 1, "start_step": -1}, "`start_step`"),
        ({"sequence_length": 8, "batch_size": 1, "num_steps": 0}, "`num_steps`"),
    ],
)
def test_wrong_sizes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        two_languages().training_windows(**arguments)


def test_wrong_corpora_are_named():
    with pytest.raises(ValueError, match="`books`"):
        ByteCorpus([])
    with pytest.raises(ValueError, match="`seed`"):
        two_languages(seed=-1)
    with pytest.raises(ValueError, match="`language_weights`"):
        two_languages(language_weights={"en": 1})
    with pytest.raises(ValueError, match="`language_weights`"):
        two_languages(language_weights={"en": 0, "zh": 0})
