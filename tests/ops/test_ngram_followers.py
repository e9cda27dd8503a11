"""What followed the last tokens before, against a search place by place."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.ops.backend.compiled_function import compiled_function
from longkeras.ops.ngrams.followers import latest_match, ngram_followers

SIZES = [1, 2, 4]
LENGTH = 60


@pytest.fixture(name="text")
def _text():
    # Few letters, so that every n-gram comes again.
    return np.random.default_rng(0).integers(0, 3, (2, LENGTH)).astype("int32")


def followers(text, window, **options):
    return ops.convert_to_numpy(ngram_followers(text, SIZES, window, **options))


def searched(tokens, window, documents=None):
    """The oracle: for one row, `(sequence, sizes)`."""
    documents = np.zeros(len(tokens), int) if documents is None else documents
    found = np.full((len(tokens), len(SIZES)), -1)
    for column, size in enumerate(SIZES):
        grams = [_gram(tokens, documents, i, size) for i in range(len(tokens))]
        for i, gram in enumerate(grams):
            for j in range(max(0, i - window), i):
                if documents[j] == documents[i] and grams[j] == gram:
                    goes_on = documents[j + 1] == documents[j]
                    found[i, column] = tokens[j + 1] if goes_on else -1
    return found


def _gram(tokens, documents, place, size):
    return tuple(
        int(tokens[i]) if i >= 0 and documents[i] == documents[place] else None
        for i in range(place - size + 1, place + 1)
    )


@pytest.mark.parametrize("window", [1, 7, LENGTH])
def test_what_followed_is_what_a_search_finds(text, window):
    expected = np.stack([searched(row, window) for row in text])
    np.testing.assert_array_equal(followers(text, window), expected)
    assert (expected >= 0).any()


@pytest.mark.parametrize("window", [3, LENGTH])
def test_nothing_is_found_in_another_document(text, window):
    documents = np.repeat([[0, 1, 1, 7, 0]], LENGTH // 5, axis=1)
    documents = np.concatenate([documents, np.sort(documents)])
    expected = np.stack(
        [searched(*rows) for rows in zip(text, [window] * 2, documents, strict=True)]
    )
    found = followers(text, window, document_ids=documents)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("chunk", [1, 7, LENGTH])
def test_a_text_in_parts_gives_what_it_gives_whole(text, chunk):
    window, reach = 9, 9 + max(SIZES) - 1
    recent, parts = np.full((2, reach), -1), []
    for start in range(0, LENGTH, chunk):
        part = text[:, start : start + chunk]
        parts.append(followers(part, window, previous_tokens=recent))
        recent = np.concatenate([recent, part], axis=1)[:, -reach:]
    whole = followers(text, window)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_padding_before_a_text_changes_nothing(text):
    padded = np.concatenate([np.full((2, 5), 1), text], axis=1)
    mask = np.tile(np.arange(LENGTH + 5)[None] >= 5, (2, 1))
    found = followers(padded, 20, padding_mask=mask)
    np.testing.assert_array_equal(found[:, 5:], followers(text, 20))


def test_what_was_read_before_is_one_document_without_padding(text):
    previous = np.full((2, 9 + max(SIZES) - 1), -1)
    for given in ("padding_mask", "document_ids"):
        with pytest.raises(ValueError, match="`previous_tokens` are those of one"):
            followers(text, 9, previous_tokens=previous, **{given: text})


def test_equal_codes_are_sorted_by_their_place_in_long_texts():
    """Where a backend's sort is not stable, it is for a few hundred places."""
    codes = np.random.default_rng(1).integers(-3, 3, (1, 5000)).astype("int32")
    expected, seen = np.full_like(codes, -1), {}
    for place, code in enumerate(codes[0]):
        expected[0, place] = seen.get(code, -1)
        seen[code] = place
    compiled = compiled_function(
        lambda x: latest_match(x, 5000), keras.layers.Identity()
    )
    for function in (lambda x: latest_match(x, 5000), compiled):
        found = ops.convert_to_numpy(function(ops.convert_to_tensor(codes)))
        np.testing.assert_array_equal(found, expected)
