"""Hashed n-grams: equal where the last tokens are equal, and nowhere else."""

import numpy as np
import pytest
from keras import ops

from longkeras.ops.ngrams.codes import ngram_bins

SIZES, BINS = [2, 3, 5], 2**31 - 1
LENGTH = 40
# Of "Hello", n-grams of two and four.
GOLDEN = [
    [1658, 29818],
    [27471, 11936],
    [12247, 19070],
    [37974, 9577],
    [41921, 30809],
]


@pytest.fixture(name="text")
def _text():
    # Few letters, so that every n-gram comes again.
    return np.random.default_rng(0).integers(0, 3, (2, LENGTH)).astype("int32")


def bins_of(text, sizes=SIZES, num_bins=BINS, **options):
    return ops.convert_to_numpy(ngram_bins(text, sizes, num_bins, **options))


def ngrams_of(text, size, documents=None):
    """The last tokens at each place, -1 where there is none."""
    rows = []
    for row, tokens in enumerate(text):
        for place in range(len(tokens)):
            gram = []
            for back in range(size):
                there = place - back
                inside = there >= 0 and (
                    documents is None or documents[row, there] == documents[row, place]
                )
                gram.append(int(tokens[there]) if inside else -1)
            rows.append(tuple(gram))
    return rows


def assert_bins_tell_ngrams_apart(bins, text, documents=None):
    seen = {}
    for column, size in enumerate(SIZES):
        found = bins[:, :, column].ravel()
        for gram, number in zip(ngrams_of(text, size, documents), found, strict=True):
            assert seen.setdefault((size, gram), number) == number
    # Some hundred n-grams among two thousand million bins: none share one.
    assert len(set(seen.values())) == len(seen)


def test_bins_are_equal_where_the_last_tokens_are(text):
    assert_bins_tell_ngrams_apart(bins_of(text), text)


def test_no_ngram_reaches_into_another_document(text):
    documents = np.repeat([[0, 1, 1, 7, 0]], LENGTH // 5, axis=1)
    documents = np.concatenate([documents, np.sort(documents)])
    bins = bins_of(text, document_ids=documents)
    assert_bins_tell_ngrams_apart(bins, text, documents)


def test_what_was_read_before_counts(text):
    whole = bins_of(text)
    nothing = np.full((2, 4), -1)
    np.testing.assert_array_equal(bins_of(text, previous_tokens=nothing), whole)
    for start in (1, 4, 17):
        before = np.concatenate([nothing, text[:, :start]], axis=1)[:, -4:]
        rest = bins_of(text[:, start:], previous_tokens=before)
        np.testing.assert_array_equal(rest, whole[:, start:])


def test_padding_is_nothing(text):
    shifted = np.concatenate([np.full((2, 3), 9), text], axis=1)
    mask = np.arange(LENGTH + 3)[None] >= 3
    bins = bins_of(shifted, padding_mask=np.tile(mask, (2, 1)))
    np.testing.assert_array_equal(bins[:, 3:], bins_of(text))


def test_bins_are_the_same_on_every_backend_and_in_every_release():
    """Tables that were trained are read by these numbers."""
    bins = bins_of(np.array([[72, 101, 108, 108, 111]]), [2, 4], 49152)
    assert bins[0].tolist() == GOLDEN


def test_a_few_bins_are_all_used():
    text = np.random.default_rng(1).integers(0, 256, (1, 2000))
    assert set(bins_of(text, [3], 16).ravel().tolist()) == set(range(16))
