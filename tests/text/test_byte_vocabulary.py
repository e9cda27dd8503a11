import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longkeras.text import byte_ids, character_byte_offsets


@given(text=st.text())
def test_ids_are_the_utf_8_bytes_moved_past_the_special_tokens(text):
    ids = byte_ids(text)
    assert ids.dtype == np.uint16
    assert bytes((ids - 3).astype(np.uint8)) == text.encode("utf-8")
    assert np.array_equal(ids, byte_ids(text.encode("utf-8")))


@given(text=st.text())
def test_offsets_cut_the_bytes_into_the_characters(text):
    encoded = text.encode("utf-8")
    offsets = character_byte_offsets(text)
    assert offsets.dtype == np.int64
    assert len(offsets) == len(text) + 1
    assert offsets[0] == 0
    assert offsets[-1] == len(encoded)
    pieces = [
        encoded[start:end].decode("utf-8") for start, end in itertools.pairwise(offsets)
    ]
    assert pieces == list(text)


def test_a_lone_surrogate_is_named_with_its_place():
    for function in (byte_ids, character_byte_offsets):
        with pytest.raises(ValueError, match=r"`text`.*surrogate at character 2"):
            function("ab\ud800")
