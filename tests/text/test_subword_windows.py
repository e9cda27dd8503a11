"""Windows of subwords hold every token, and know its characters."""

from itertools import pairwise

import numpy as np
import pytest

from longkeras.text import SubwordTokenizer, subword_windows
from tests.text.subword_samples import CORPUS, byte_pair_files

TEXT = " ".join(CORPUS)


@pytest.fixture(scope="module")
def tokenizer():
    return SubwordTokenizer.from_byte_pair(*byte_pair_files())


@pytest.mark.parametrize(("window", "stride"), [(1, 1), (7, 3), (64, None), (9999, 5)])
def test_every_token_is_new_in_exactly_one_window(tokenizer, window, stride):
    windows = subword_windows(tokenizer, TEXT, window, stride)
    new = [
        piece[len(piece) - count :]
        for piece, count in zip(windows, windows.new_counts, strict=True)
    ]
    assert np.concatenate(new).tolist() == tokenizer(TEXT).tolist()
    assert (windows.lengths <= window).all()


def test_offsets_of_windows_are_characters_of_the_whole_text(tokenizer):
    windows = tokenizer.windows(TEXT, window=20, stride=15)
    ids, offsets = tokenizer.tokenize_with_offsets(TEXT)
    for i, start in enumerate(windows.starts):
        stop = start + windows.lengths[i]
        assert windows[i].tolist() == ids[start:stop].tolist()
        assert windows.offsets_of(i).tolist() == offsets[start:stop].tolist()
        assert windows.text_of(i) in TEXT


def test_windows_without_overlap_hold_the_whole_text(tokenizer):
    windows = tokenizer.windows(TEXT, window=16)
    # Byte pairs of one character may lie in two windows, which then both have it.
    ends = [windows.offsets_of(i) for i in range(len(windows))]
    for before, after in pairwise(ends):
        assert TEXT[before[-1, 1] : after[0, 0]].strip() == ""


def test_a_text_without_tokens_has_no_windows(tokenizer):
    assert len(tokenizer.windows("", window=4)) == 0


@pytest.mark.parametrize(("window", "stride"), [(0, None), (4, 5), (4, 0)])
def test_windows_that_would_drop_something_are_refused(tokenizer, window, stride):
    with pytest.raises(ValueError, match="Received"):
        tokenizer.windows(TEXT, window, stride)
