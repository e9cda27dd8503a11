import itertools

import numpy as np
import pytest

from longkeras.evaluation import choose_protocol
from longkeras.evaluation.language_models.protocol import CHUNK_LENGTH
from longkeras.serving import inspect_place
from longkeras.serving.byte_tokens import allowed_next_bytes, character_length
from longkeras.serving.inspection import MOST_CONTEXT_BYTES
from longkeras.serving.reading import Protocol, Reading
from longkeras.text import character_byte_offsets
from tests.serving.fake_models import FakeFull, FakeLSTM, FakeWindowed, bits_one_by_one

TEXT = "In 1750 the moon, 月, rose.\n" * 9 + "明月出天山\t🙂 end"


def streaming_reading(model, text):
    return Reading(
        name="m",
        text=text,
        bits=bits_one_by_one(model, text.encode()).astype("float32"),
        character_starts=character_byte_offsets(text),
        protocol=choose_protocol(model),
        bytes_dropped=0,
        seconds=1.0,
        compile_seconds=0.0,
        parameters=1,
        state_bytes=1,
    )


def every_character(model, data):
    """Probability of every character of up to three bytes, one step at a time."""
    state = model.initial_state(1, 64)
    for token_id in [1, *(byte + 3 for byte in data)]:
        logits, _, state = model.compiled_step(np.array([token_id]), state)
    found = {}
    level = [(b"", 1.0)]
    states = {key: array.repeat(1, axis=0) for key, array in state.items()}
    logits = logits.astype("float64")
    while level:
        exponentials = np.exp(logits)
        probabilities = (exponentials / exponentials.sum(-1, keepdims=True))[:, 3:]
        parents, following = [], []
        for row, (beginning, probability) in enumerate(level):
            for byte in np.flatnonzero(allowed_next_bytes(beginning)).tolist():
                longer = beginning + bytes([byte])
                value = probability * probabilities[row, byte]
                if len(longer) == character_length(longer[0]):
                    found[longer.decode()] = value
                elif longer[0] < 0xF0 and value > 1e-5:
                    parents.append(row)
                    following.append((longer, value))
        level = following
        states = {key: array[parents] for key, array in states.items()}
        if level:
            tokens = np.array([beginning[-1] + 3 for beginning, _ in level])
            logits, _, states = model.compiled_step(tokens, states)
            logits = logits.astype("float64")
    return found


@pytest.mark.parametrize("model", [FakeLSTM(1), FakeWindowed(5)])
@pytest.mark.parametrize("index", [0, 4, 18])
def test_alternatives_are_the_most_probable_whole_characters(model, index):
    # Half of the first bytes begin a character of two or three bytes.
    text = "In 1750 the moon, 月出"
    place = inspect_place(model, streaming_reading(model, text), index, top_k=12)
    truth = every_character(model, text[:index].encode())
    best = sorted(truth.values(), reverse=True)[:12]
    got = [alternative.probability for alternative in place.alternatives]
    assert got == pytest.approx(best, rel=1e-4)
    for alternative in place.alternatives:
        assert truth[alternative.character] == pytest.approx(
            alternative.probability, rel=1e-4
        )


def test_some_alternatives_have_several_bytes():
    model = FakeLSTM(1, scale=6.0)
    reading = streaming_reading(model, TEXT)
    sizes = {
        len(alternative.character.encode())
        for index in range(0, 60, 6)
        for alternative in inspect_place(model, reading, index).alternatives
    }
    assert {1, 2, 3} <= sizes


@pytest.mark.parametrize("model", [FakeLSTM(1), FakeWindowed(2)])
def test_the_actual_character_has_the_probability_that_was_read(model):
    reading = streaming_reading(model, TEXT)
    for index in (0, 1, 18, TEXT.index("山"), TEXT.index("🙂"), len(TEXT) - 1):
        place = inspect_place(model, reading, index)
        bits = -np.log2(place.actual_probability)
        assert bits == pytest.approx(reading.character_bits[index], abs=1e-3)
        assert place.is_whole_context


def test_the_actual_character_is_marked_among_the_alternatives():
    model = FakeLSTM(1, scale=6.0)
    reading = streaming_reading(model, TEXT)
    first = inspect_place(model, reading, 5)
    expected = first.alternatives[0].character
    text = TEXT[:5] + expected + TEXT[5:]
    place = inspect_place(model, streaming_reading(model, text), 5)
    assert [a.is_actual for a in place.alternatives] == [True] + [False] * 7
    assert place.alternatives[0].probability == place.actual_probability


def test_the_text_around_the_place_has_its_bits_and_labels():
    reading = streaming_reading(FakeLSTM(1), TEXT)
    place = inspect_place(FakeLSTM(1), reading, 26, radius=3)
    assert "".join(place.characters) == TEXT[23:30]
    assert place.first == 23
    assert place.characters[place.index - place.first] == "\n"
    assert place.labels[3] == "⏎"
    np.testing.assert_array_equal(place.character_bits, reading.character_bits[23:30])


@pytest.mark.parametrize(("index", "first", "number"), [(0, 0, 6), (252, 247, 7)])
def test_the_text_around_ends_where_the_document_ends(index, first, number):
    reading = streaming_reading(FakeLSTM(1), TEXT)
    assert len(TEXT) == 254
    place = inspect_place(FakeLSTM(1), reading, index, radius=5)
    assert (place.first, len(place.characters)) == (first, number)


def test_a_windowed_model_is_given_what_it_can_see_and_not_more():
    model = FakeWindowed(2)
    place = inspect_place(model, streaming_reading(model, TEXT), 150)
    assert place.context_bytes == 24


def test_a_model_without_a_limit_is_given_the_last_bytes_and_it_is_said():
    model = FakeLSTM(1)
    text = "x" * (MOST_CONTEXT_BYTES + 10)
    reading = streaming_reading(model, text)
    model.calls.clear()
    place = inspect_place(model, reading, len(text) - 1)
    assert place.context_bytes == MOST_CONTEXT_BYTES
    assert not place.is_whole_context
    chunks = MOST_CONTEXT_BYTES // CHUNK_LENGTH
    assert model.calls[:chunks] == [("prefill", (1, CHUNK_LENGTH))] * chunks
    assert set(model.calls[chunks:]) == {("step", (1,))}


def test_a_limited_model_is_given_the_segment_of_the_reading():
    text = "".join(itertools.islice(itertools.cycle("abcdefg hij"), 300))
    reading = streaming_reading(FakeLSTM(1), text)
    protocol = Protocol("strided", 64, stride=32, context_bytes=64)
    reading = Reading(**(vars(reading) | {"protocol": protocol}))
    model = FakeFull(3)
    # 130 is predicted by the inputs 96 … 130 of the segment that begins at 96.
    place = inspect_place(model, reading, 130)
    assert (place.context_bytes, place.is_whole_context) == (35, True)
    # Room is kept for the bytes of a character, where the segment is full.
    place = inspect_place(model, reading, 127)
    assert (place.context_bytes, place.is_whole_context) == (61, False)


@pytest.mark.parametrize("index", [-1, len(TEXT), 10**9])
def test_a_place_outside_the_text_is_refused(index):
    with pytest.raises(ValueError, match="`index` must be from 0 to 253"):
        inspect_place(FakeLSTM(1), streaming_reading(FakeLSTM(1), TEXT), index)
