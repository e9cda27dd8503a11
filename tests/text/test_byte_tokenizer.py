"""Any text comes back from its bytes."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from keras import ops

from longkeras.text import ByteTokenizer

TOKENIZER = ByteTokenizer()
TEXTS = [
    "",
    "plain",
    "naïve",
    "话说天下大势",
    "👩‍🚀🇨🇳",
    "a\x00b",
    "\r\n\t\u2028",
    "\ufeffx",
    "\U0010ffff",
]


def ids_of(text):
    return [int(i) for i in ops.convert_to_numpy(TOKENIZER(text))]


@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_the_bytes_and_come_back(text):
    assert ids_of(text) == [byte + 3 for byte in text.encode()]
    assert TOKENIZER.detokenize(ids_of(text)) == text


@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
@hypothesis.given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text):
    assert TOKENIZER.detokenize(ids_of(text)) == text


def test_every_byte_has_an_id_of_its_own():
    ids = [TOKENIZER.token_to_id(TOKENIZER.id_to_token(i)) for i in range(259)]
    assert ids == list(range(259))
    assert TOKENIZER.vocabulary_size() == len(TOKENIZER.get_vocabulary()) == 259


def test_a_batch_is_its_rows():
    rows = TOKENIZER(TEXTS)
    rows = rows.to_list() if hasattr(rows, "to_list") else [list(row) for row in rows]
    assert [[int(i) for i in row] for row in rows] == [ids_of(text) for text in TEXTS]
    assert TOKENIZER.detokenize(rows) == TEXTS


@pytest.mark.parametrize("kind", [np.array, ops.array, list])
def test_ids_may_be_of_any_kind(kind):
    assert TOKENIZER.detokenize(kind([75, 108])) == "Hi"
    assert TOKENIZER.detokenize(kind([[75, 108], [75, 75]])) == ["Hi", "HH"]


def test_special_ids_are_no_text():
    assert TOKENIZER.detokenize([1, 75, 0, 108, 2, 0]) == "Hi"
    assert (
        TOKENIZER.pad_token_id,
        TOKENIZER.start_token_id,
        TOKENIZER.end_token_id,
    ) == (0, 1, 2)


def test_bytes_that_are_no_utf8_become_replacement_characters():
    assert TOKENIZER.detokenize([0xFF + 3, 75, 0xE8 + 3]) == "\ufffdH\ufffd"


@pytest.mark.parametrize("ids", [[259], [-1], [75, 300]])
def test_ids_outside_the_vocabulary_are_refused(ids):
    with pytest.raises(ValueError, match="`inputs` must be ids from 0 to 258"):
        TOKENIZER.detokenize(ids)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc80"])
@pytest.mark.parametrize("wrap", [str, lambda text: ["fine", text]])
def test_half_a_surrogate_pair_is_refused(text, wrap):
    # One kind became a byte that no text has, the others an error without a reason.
    with pytest.raises(ValueError, match=r"`inputs` must hold.*surrogate"):
        TOKENIZER(wrap(text))


def test_a_sequence_length_is_refused():
    # Padding was shifted with the bytes, and became NUL bytes.
    with pytest.raises(ValueError, match=r"`sequence_length` must be None.*=4"):
        ByteTokenizer(sequence_length=4)
