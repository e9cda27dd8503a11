import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longkeras.evaluation import bits_per_byte, iterate_bits
from longkeras.text import byte_ids
from tests.evaluation.toy_models import (
    VOCABULARY_SIZE,
    BigramModel,
    CountingModel,
    counting_bits,
)

TEXT = "It is a truth universally acknowledged, that 凡有钱的单身汉，总想娶位太太。"


def contexts_by_definition(num_bytes, kind, context_length=None, stride=None):
    """First input position that each byte's prediction may depend on."""
    starts = []
    for position in range(num_bytes):
        if kind == "streaming":
            starts.append(0)
        elif kind == "segment":
            starts.append(position // context_length * context_length)
        else:
            # The earliest segment that holds the position.
            late = max(0, position - context_length + 1)
            starts.append(-(-late // stride) * stride)
    return starts


def exact_bits(ids, kind, context_length=None, stride=None):
    inputs = np.concatenate([[1], ids[:-1]]).astype(np.int64)
    starts = contexts_by_definition(len(ids), kind, context_length, stride)
    return np.array(
        [
            counting_bits(inputs[start : position + 1], ids[position])
            for position, start in enumerate(starts)
        ]
    )


def collect(model, text, **arguments):
    bits = np.full(len(byte_ids(text)), np.nan, dtype=np.float32)
    for chunk in iterate_bits(model, text, **arguments):
        place = slice(chunk.start, chunk.start + len(chunk.bits))
        assert np.isnan(bits[place]).all(), "a byte was scored twice"
        bits[place] = chunk.bits
    assert not np.isnan(bits).any(), "a byte was not scored"
    return bits


@pytest.mark.parametrize("chunk_length", [1, 7, 64, 2048])
def test_streaming_carries_the_state_through_the_whole_text(chunk_length):
    bits = collect(CountingModel(), TEXT, chunk_length=chunk_length)
    expected = exact_bits(byte_ids(TEXT), "streaming")
    np.testing.assert_allclose(bits, expected, rtol=1e-5)


@pytest.mark.parametrize("context_length", [1, 8, 63, 64, 65, 1000])
@pytest.mark.parametrize("limited", [True, False])
def test_segments_are_independent(context_length, limited):
    model = CountingModel(context_length if limited else None)
    arguments = {"protocol": "segment", "context_length": context_length}
    bits = collect(model, TEXT, chunk_length=10, batch_size=3, **arguments)
    expected = exact_bits(byte_ids(TEXT), "segment", context_length)
    np.testing.assert_allclose(bits, expected, rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    text=st.text(st.sampled_from("ab中"), min_size=1, max_size=40),
    context_length=st.integers(1, 20),
    chunk_length=st.integers(1, 25),
    batch_size=st.integers(1, 4),
    data=st.data(),
)
def test_strided_bits_follow_their_definition(
    text, context_length, chunk_length, batch_size, data
):
    stride = data.draw(st.integers(1, context_length))
    model = CountingModel(context_length=20)
    bits = collect(
        model,
        text,
        protocol="strided",
        context_length=context_length,
        stride=stride,
        chunk_length=chunk_length,
        batch_size=batch_size,
    )
    expected = exact_bits(byte_ids(text), "strided", context_length, stride)
    np.testing.assert_allclose(bits, expected, rtol=1e-5)
    assert len(model.shapes) == 1, "a second shape would compile the model again"


def test_a_bigram_model_has_its_exact_bits():
    model = BigramModel()
    ids = byte_ids(TEXT).astype(int)
    inputs = np.concatenate([[1], ids[:-1]])
    table = model.table.astype(np.float64)
    exact = np.log2(np.exp(table).sum(-1)[inputs]) - table[inputs, ids] / np.log(2)
    np.testing.assert_allclose(collect(model, TEXT), exact, rtol=1e-5)


def test_bits_of_a_streaming_text_come_in_its_order():
    model = CountingModel()
    starts = [chunk.start for chunk in iterate_bits(model, "a" * 100, chunk_length=16)]
    assert starts == list(range(0, 100, 16))


def test_logits_come_with_their_bits_when_asked_for():
    for chunk in iterate_bits(BigramModel(), TEXT, chunk_length=16, with_logits=True):
        assert chunk.logits.shape == (len(chunk.bits), VOCABULARY_SIZE)
        assert chunk.logits.dtype == np.float32
        ids = byte_ids(TEXT)[chunk.start : chunk.start + len(chunk.bits)]
        probabilities = np.exp(chunk.logits) / np.exp(chunk.logits).sum(-1)[:, None]
        chosen = probabilities[np.arange(len(ids)), ids]
        np.testing.assert_allclose(2.0**-chunk.bits, chosen, rtol=1e-4)
    assert next(iterate_bits(BigramModel(), TEXT)).logits is None


def test_a_closed_generator_calls_the_model_no_more():
    model = CountingModel()
    chunks = iterate_bits(model, "a" * 1000, chunk_length=10)
    next(chunks)
    chunks.close()
    assert model.calls == 1


def test_huge_logits_do_not_overflow():
    model = BigramModel()
    model.table = model.table + np.float32(1e4)
    assert np.isfinite(collect(model, TEXT)).all()


def test_text_bytes_and_ids_are_the_same_text():
    model = BigramModel()
    forms = (TEXT, TEXT.encode(), byte_ids(TEXT), byte_ids(TEXT).astype(np.int64))
    scores = {bits_per_byte(model, form).bits_per_byte for form in forms}
    assert len(scores) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (b"", "empty"),
        (np.zeros(3), "ids"),
        (np.ones((2, 2), int), "ids"),
    ],
)
def test_what_is_no_text_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        bits_per_byte(BigramModel(), text)


def test_sizes_below_one_are_refused():
    with pytest.raises(ValueError, match="`chunk_length`"):
        bits_per_byte(BigramModel(), "a", chunk_length=0)
    with pytest.raises(ValueError, match="`batch_size`"):
        bits_per_byte(BigramModel(), "a", batch_size=0)


class SmallVocabularyModel(BigramModel):
    def __init__(self):
        self.table = np.zeros((8, 8), np.float32)


@pytest.mark.parametrize("kind", ["streaming", "segment", "strided"])
def test_a_file_is_read_in_memory_that_does_not_grow_with_it(tmp_path, kind):
    peaks = []
    for num_bytes in (100_000, 800_000):
        path = tmp_path / str(num_bytes)
        path.write_bytes(bytes(num_bytes))
        arguments = {} if kind == "streaming" else {"context_length": 10_000}
        tracemalloc.start()
        result = bits_per_byte(
            SmallVocabularyModel(), path, kind, **arguments, chunk_length=10_000
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert result.num_bytes == num_bytes
        assert result.bits_per_byte == pytest.approx(3.0)
    assert peaks[1] < peaks[0] * 1.1


def test_a_file_has_the_bits_of_its_text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    for arguments in ({}, {"protocol": "strided", "context_length": 10, "stride": 3}):
        of_text, of_file = (
            bits_per_byte(CountingModel(), text, chunk_length=7, **arguments)
            for text in (TEXT, path)
        )
        assert of_text.bits_per_byte == of_file.bits_per_byte
    path.write_text("")
    with pytest.raises(ValueError, match="empty"):
        bits_per_byte(CountingModel(), path)
