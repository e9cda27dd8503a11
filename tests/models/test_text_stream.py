"""What a stream makes of the ids that a model chooses: text, piece by piece."""

import threading
from types import SimpleNamespace

import keras_hub
import numpy as np
import pytest
from keras import ops

from longkeras.models import ByteTokenizer
from longkeras.models.generation.causal_lm import DecodingCausalLM
from longkeras.models.generation.options import GenerationOptions
from longkeras.models.generation.text_generation import TextStream
from tests.models.small_models import CONTEXT_LENGTH, small_model

END = "end"


class ScriptedModel:
    """Writes a script, whatever it reads, and notes what it is asked."""

    def __init__(self, script, context_length=None, sampler=None, tokens_a_call=1):
        self.tokens_a_call = tokens_a_call
        self.script = [2 if part == END else part + 3 for part in script]
        self.context_length = context_length
        self.sampler = sampler or keras_hub.samplers.GreedySampler()
        self.preprocessor = SimpleNamespace(tokenizer=ByteTokenizer())
        self.backbone = SimpleNamespace()
        self.written = -1
        self.steps = 0
        self.reads = []

    prompt_inputs = DecodingCausalLM.prompt_inputs
    needs_max_length = False

    def initial_state(self, batch_size, max_length=None):
        assert (batch_size, max_length) == (1, self.context_length)
        self.written += 1
        self.reads.append([])
        return {"length": 0}

    def compiled_prefill(self, token_ids, padding_mask, state):
        token_ids, mask = (ops.convert_to_numpy(x) for x in (token_ids, padding_mask))
        self.reads[-1] += token_ids[0][mask[0]].tolist()
        logits = np.repeat(self._logits()[:, None], token_ids.shape[1], axis=1)
        return logits, None, self._grown(state, int(mask.sum()))

    def compiled_choice(self, draws, logits):
        return np.argmax(ops.convert_to_numpy(logits), axis=-1)

    def compiled_next(self, draws, token_ids, state, num_tokens):
        assert token_ids.shape == (1,)
        self.steps += num_tokens
        chosen = []
        for _ in range(num_tokens):
            self.written += 1
            chosen.append(self.compiled_choice(draws, self._logits()))
        return np.stack(chosen, axis=1), self._grown(state, num_tokens)

    def without_prompt(self, state):
        return state

    def _grown(self, state, count):
        length = state["length"] + count
        assert self.context_length is None or length <= self.context_length
        return {"length": length}

    def _logits(self):
        logits = np.zeros((1, 259), "float32")
        # What is written together may go beyond the end, and is thrown away.
        logits[0, self.script[min(self.written, len(self.script) - 1)]] = 50.0
        return logits


def stream_of(model, prompt, max_length=None, stop_event=None, **options):
    options = GenerationOptions.of(model, **options)
    return TextStream(model, prompt, options, max_length, stop_event)


def pieces(script, prompt="", **options):
    return list(stream_of(ScriptedModel(script), prompt, **options))


def script_of(text):
    return [*text.encode(), END]


@pytest.mark.parametrize("text", ["", "plain", "naïve", "话说天下大势，", "a🙂b👩‍🚀"])
def test_pieces_are_the_text_in_whole_characters(text):
    written = pieces(script_of(text))
    assert "".join(written) == text
    # Not one of several bytes is shown before the rest is there.
    assert written == list(text)


def test_bytes_that_are_no_text_become_replacement_characters():
    written = pieces([0xFF, *b"a", 0xE8, 0xAF, *b"b", 0xE8, END])
    assert "".join(written) == "\ufffda\ufffdb\ufffd"


def test_the_longest_length_counts_start_and_prompt():
    written = pieces(script_of("abcdefgh"), prompt="12", max_length=8)
    assert "".join(written) == "abcde"


def test_a_prompt_that_is_too_long_already_is_not_continued():
    assert pieces(script_of("abc"), prompt="12345", max_length=5) == []


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [
        ("one. two", ".", "one"),
        ("one. two", ". t", "one"),
        ("one. two", ["two", "e."], "on"),
        ("one two", "two", "one "),
        ("one two", "one", ""),
        ("aaab", "aab", "a"),
        ("ababac", "abac", "ab"),
        # A beginning of a stop at the end of the text is text.
        ("one. tw", ". two", "one. tw"),
        ("甲乙丙丁", "丙", "甲乙"),
        ("甲乙丙丁", "乙丁", "甲乙丙丁"),
        ("one", [], "one"),
        ("one", None, "one"),
    ],
)
def test_a_stream_ends_before_a_stop_string(text, stop, expected):
    assert "".join(pieces(script_of(text), stop=stop)) == expected


def test_nothing_of_a_stop_string_is_ever_shown():
    shown = ""
    for piece in stream_of(ScriptedModel(script_of("one##two")), "", stop="##"):
        shown += piece
        assert "#" not in shown
    assert shown == "one"


def test_a_stop_string_ends_the_work_too():
    model = ScriptedModel(script_of("ab.cdefghi"))
    assert "".join(stream_of(model, "", stop=".")) == "ab"
    assert model.steps == 2


def test_nothing_happens_before_the_first_piece_or_after_closing():
    model = ScriptedModel(script_of("abcdefgh"))
    stream = iter(stream_of(model, "prompt"))
    assert model.reads == []
    assert next(stream) == "a"
    assert next(stream) == "b"
    stream.close()
    assert model.steps == 1
    assert list(stream) == []


def test_an_event_ends_the_stream_before_the_next_step():
    model, event = ScriptedModel(script_of("abcdefgh")), threading.Event()
    stream = iter(stream_of(model, "prompt", stop_event=event))
    assert next(stream) == "a"
    event.set()
    assert list(stream) == []
    assert model.steps == 0


def test_an_event_ends_the_reading_of_a_prompt():
    model, event = ScriptedModel(script_of("ab")), threading.Event()
    event.set()
    assert list(stream_of(model, "long prompt " * 100, stop_event=event)) == []
    assert model.reads in ([], [[]])


@pytest.mark.parametrize("length", [1, 2, 5, 6, None])
def test_tokens_that_are_written_together_are_the_same_text(length):
    max_length = None if length is None else 1 + length
    for text in ("abcdefgh", "abcdefghi"):
        model = ScriptedModel(script_of(text), tokens_a_call=4)
        stream = stream_of(model, "", max_length=max_length)
        assert list(stream) == list(text[:length])
        assert model.steps < len(text) + 4


def test_an_event_ends_a_stream_amid_tokens_written_together():
    event = threading.Event()
    model = ScriptedModel(script_of("abcdefgh"), tokens_a_call=4)
    stream = iter(stream_of(model, "", stop_event=event))
    assert [next(stream), next(stream)] == ["a", "b"]
    event.set()
    assert list(stream) == []
    assert model.steps == 4


@pytest.mark.parametrize("stop", ["", ["a", ""], [1]])
def test_a_stop_string_must_have_characters(stop):
    with pytest.raises(ValueError, match=r"`stop` must be a string.*Received: stop="):
        stream_of(ScriptedModel([]), "", stop=stop)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 700])
def test_a_prompt_of_any_length_is_read_whole(length):
    prompt = ("It was the best of times. " * 30)[:length]
    model = ScriptedModel(script_of("ab"))
    assert "".join(stream_of(model, prompt)) == "ab"
    assert model.reads == [[1, *(byte + 3 for byte in prompt.encode())]]


def test_full_attention_reads_the_last_half_again_when_its_context_is_full():
    text = "abcdefghijklmnop"
    model = ScriptedModel(script_of(text), context_length=8)
    assert "".join(stream_of(model, "12345")) == text
    first, *others = model.reads
    assert bytes(i - 3 for i in first[1:]) == b"12345"
    whole = b"12345" + text.encode()
    for read in others:
        assert len(read) == 4
        assert bytes(i - 3 for i in read) in whole
    assert bytes(i - 3 for i in others[0]) == b"5abc"
    # As few readings as half a context each allows.
    assert len(model.reads) <= 1 + len(text) // 4


def test_a_prompt_that_fits_into_the_context_is_not_cut():
    # Half of it was thrown away once.
    model = ScriptedModel(script_of("xyz"), context_length=8)
    assert "".join(stream_of(model, "1234567")) == "xyz"
    assert len(model.reads[0]) == 8


def test_of_a_prompt_longer_than_the_context_the_end_is_read():
    model = ScriptedModel(script_of("xyz"), context_length=8)
    assert "".join(stream_of(model, "123456789")) == "xyz"
    assert bytes(i - 3 for i in model.reads[0]) == b"6789"


def test_a_sampler_of_whole_texts_is_refused():
    # The base class of samplers has the method, and raised only in the first step.
    model = ScriptedModel([], sampler=keras_hub.samplers.BeamSampler())
    with pytest.raises(ValueError, match="needs a sampler that chooses token by"):
        stream_of(model, "")


def test_a_stream_needs_a_preprocessor():
    model = ScriptedModel([])
    model.preprocessor = None
    with pytest.raises(ValueError, match="needs a `preprocessor`"):
        stream_of(model, "")


@pytest.fixture(scope="module")
def full_attention():
    model = small_model("full", num_layers=1)
    sampler = keras_hub.samplers.TopKSampler(k=200, temperature=3.0)
    model.compile(sampler=sampler, run_eagerly=True)
    return model


@pytest.mark.slow
def test_equal_seeds_give_equal_streams(full_attention):
    one, again, other = (
        "".join(full_attention.stream("It", max_length=16, seed=seed))
        for seed in (4, 4, 5)
    )
    assert one == again != other


def test_padding_and_start_are_never_chosen(full_attention):
    logits = np.zeros((1, 259), "float32")
    logits[0, :2] = 100.0
    logits[0, 77] = 50.0
    draws = [ops.zeros_like(x)[None, None] for x in full_attention.sampler.variables]
    chosen = full_attention.compiled_choice(draws, ops.convert_to_tensor(logits))
    assert ops.convert_to_numpy(chosen).tolist() == [77]


def test_streams_with_seeds_do_not_disturb_each_other(full_attention):
    alone = "".join(full_attention.stream("It", max_length=16, seed=4))
    pieces = []
    other = full_attention.stream("It", max_length=16, seed=5)
    for piece in full_attention.stream("It", max_length=16, seed=4):
        pieces.append(piece)
        next(other, None)
    assert "".join(pieces) == alone


def test_without_a_seed_a_stream_goes_on_with_the_samplers_own(full_attention):
    one, other = ("".join(full_attention.stream("It", max_length=16)) for _ in range(2))
    assert one != other


def test_full_attention_writes_beyond_its_context(full_attention):
    max_length = 2 * CONTEXT_LENGTH
    text = "".join(full_attention.stream("It", max_length=max_length, seed=1))
    # Random bytes: broken ones are one character, as whole ones are.
    assert max_length / 4 < len(text) <= max_length - 3


def test_full_attention_without_a_limit_streams_up_to_a_length():
    model = small_model("full", max_sequence_length=None)
    model.compile(sampler="greedy", run_eagerly=True)
    assert model.context_length is None
    text = model.generate("ab", max_length=12)
    assert "ab" + "".join(model.stream("ab", max_length=12)) == text
    with pytest.raises(ValueError, match="`max_length` must be given"):
        next(model.stream("ab"))
