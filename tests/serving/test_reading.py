import threading

import numpy as np
import pytest

from longkeras.evaluation.language_models.protocol import CHUNK_LENGTH
from longkeras.serving import (
    MAX_READ_BYTES,
    InputError,
    Reading,
    ReadingProgress,
    SharedModel,
    iterate_reading,
    read_document,
)
from longkeras.serving.reading import Protocol
from tests.serving.fake_models import FakeFull, FakeLSTM, FakeWindowed, bits_one_by_one

TEXT = "The moon, 月, rose over 天山. 🙂\n" * 60

FAMILIES = [FakeLSTM, FakeWindowed, FakeFull]


@pytest.mark.parametrize("family", [FakeLSTM, FakeWindowed])
def test_chunks_give_the_bits_of_reading_byte_by_byte(family):
    reading = read_document(family(1), TEXT)
    assert reading.bytes_read > 2 * CHUNK_LENGTH
    expected = bits_one_by_one(family(1), TEXT.encode())
    np.testing.assert_allclose(reading.bits, expected, atol=1e-4)


def test_a_limited_model_reads_overlapping_segments_and_every_byte_once():
    text = TEXT[:150]
    reading = read_document(FakeFull(1), text)
    assert reading.protocol == Protocol("strided", 64, stride=32, context_bytes=64)
    data = text.encode()
    for position in (0, 1, 40, 63, 64, 70, 95, 96, 97, len(data) - 1):
        context = reading.protocol.context_before(position)
        assert position == context or 32 < context <= 64
        # Where the segment begins inside the text there is no start token.
        model = FakeFull(1)
        state = model.initial_state(1, 64)
        ids = [1, *(byte + 3 for byte in data[:position])]
        ids = ids[-context:] if context < position else ids
        for token_id in ids:
            logits, _, state = model.compiled_step(np.array([token_id]), state)
        logits = logits[0].astype("float64")
        bits = np.log2(np.exp(logits).sum()) - logits[data[position] + 3] / np.log(2)
        assert reading.bits[position] == pytest.approx(bits, abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_of_any_length_use_one_program(family):
    model = family(1)
    for length in (1, 2, 63, 64, 65, 1000, 1025):
        assert read_document(model, "x" * length).bytes_read == length
    width = model.context_length or CHUNK_LENGTH
    assert set(model.calls) == {("prefill", (1, width))}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_reading_adds_up(family):
    reading = read_document(family(1), TEXT, name="it")
    assert reading.name == "it"
    assert reading.text == TEXT
    assert reading.bytes_read == len(TEXT.encode())
    assert reading.bytes_dropped == 0
    assert reading.num_characters == len(TEXT) == len(reading.character_bits)
    assert reading.character_starts[-1] == reading.bytes_read
    total = reading.bits.sum(dtype="float64")
    assert reading.character_bits.sum(dtype="float64") == pytest.approx(total)
    assert reading.bits_per_byte == pytest.approx(total / reading.bytes_read)
    assert reading.bytes_per_second == pytest.approx(
        reading.bytes_read / reading.seconds
    )
    assert reading.parameters == family(1).count_params()
    assert reading.state_bytes > 0


def test_the_bits_of_a_character_are_the_sum_over_its_bytes():
    reading = read_document(FakeLSTM(1), "a月🙂é")
    bits = reading.bits
    assert reading.character_bits == pytest.approx(
        [bits[0], bits[1:4].sum(), bits[4:8].sum(), bits[8:10].sum()]
    )


def test_what_is_not_read_is_counted():
    reading = read_document(FakeLSTM(1), "月" * 50, max_bytes=100)
    assert (reading.text, reading.bytes_read, reading.bytes_dropped) == (
        "月" * 33,
        99,
        51,
    )
    assert read_document(FakeLSTM(1), "🙂🙂", max_bytes=1).bytes_read == 4


def test_compiling_is_told_apart_from_reading():
    model = SharedModel(FakeLSTM(1))
    first = read_document(model, TEXT)
    again = read_document(model, TEXT)
    assert first.compile_seconds > 0
    assert again.compile_seconds == 0


def test_progress_is_told_up_to_the_end():
    steps = list(iterate_reading(FakeLSTM(1), TEXT, name="it"))
    *progress, reading = steps
    assert isinstance(reading, Reading)
    assert [step.stage for step in progress[:2]] == ["compiling", "reading"]
    done = [step.bytes_done for step in progress]
    assert done == sorted(done) and done[-1] == reading.bytes_read
    assert {step.bytes_total for step in progress} == {reading.bytes_read}
    assert progress[-1].seconds == reading.seconds
    heard = []
    read_document(FakeLSTM(1), TEXT, name="it", progress=heard.append)
    assert [step.bytes_done for step in heard] == done
    assert all(isinstance(step, ReadingProgress) for step in heard)


def test_the_time_of_whoever_listens_is_not_counted(monkeypatch):
    clock = iter(range(10**6))  # Every look at it takes a second.
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))

    def listen(_):
        for _ in range(1000):
            next(clock)

    assert read_document(FakeLSTM(1), "x", progress=listen).seconds < 1000


def test_a_cancelled_reading_stops_after_the_chunk():
    cancelled = threading.Event()
    model = FakeLSTM(1)

    def listen(step):
        if step.bytes_done:
            cancelled.set()

    assert read_document(model, TEXT, progress=listen, cancelled=cancelled) is None
    assert len(model.calls) == 2  # one to compile, one to read


@pytest.mark.parametrize(
    ("text", "max_bytes", "code"),
    [
        ("", 10, "empty"),
        ("a\0", 10, "nul"),
        ("\udc00", 10, "surrogate"),
        ("a", 0, "out_of_range"),
        ("a", MAX_READ_BYTES + 1, "out_of_range"),
        ("a", None, "out_of_range"),
    ],
)
def test_what_cannot_be_read_is_refused_before_the_model_is_called(
    text, max_bytes, code
):
    model = FakeLSTM(1)
    with pytest.raises(InputError) as error:
        read_document(model, text, max_bytes=max_bytes)
    assert error.value.code == code
    assert model.calls == []


def test_two_users_of_one_model_get_what_each_would_get_alone():
    texts = ["first " * 500, "第二" * 400, "🙂third" * 300]
    shared = SharedModel(FakeLSTM(1))
    together = [None] * len(texts)

    def use(index):
        together[index] = read_document(shared, texts[index])

    users = [threading.Thread(target=use, args=(i,)) for i in range(len(texts))]
    for user in users:
        user.start()
    for user in users:
        user.join()
    for text, reading in zip(texts, together, strict=True):
        alone = read_document(FakeLSTM(1), text)
        assert reading.text == text
        np.testing.assert_array_equal(reading.bits, alone.bits)


def test_the_context_before_a_place():
    streaming = Protocol("streaming", context_bytes=24)
    assert [streaming.context_before(p) for p in (0, 23, 24, 900)] == [0, 23, 24, 24]
    unlimited = Protocol("streaming")
    assert unlimited.context_before(10**6) == 10**6
