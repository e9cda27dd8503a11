import keras_hub
import numpy as np
import pytest

from longkeras.evaluation import (
    ByteTextModel,
    CausalLMTextModel,
    TextModel,
    bits_per_byte,
)
from longkeras.text import byte_ids
from tests.evaluation.toy_models import (
    BigramModel,
    CopyingModel,
    CountingModel,
    counting_bits,
)
from tests.models.small_models import draw_weights, small_model

REQUESTS = [("It is a ", "truth"), ("凡有钱的", "单身汉"), ("", "Call me")]


@pytest.mark.parametrize("limit", [None, 30])
def test_a_continuation_has_the_probability_of_its_bytes(limit):
    answers = ByteTextModel(CountingModel(limit), batch_size=2).loglikelihood(REQUESTS)
    for (context, continuation), (loglikelihood, _) in zip(
        REQUESTS, answers, strict=True
    ):
        read = np.array([1, *byte_ids(context)])
        bits = 0.0
        for target in byte_ids(continuation).astype(int):
            bits += counting_bits(read, target)
            read = np.append(read, target)
        assert loglikelihood == pytest.approx(-bits * np.log(2), rel=1e-5)


def counted(context, continuation):
    """Natural logarithm of a continuation's probability, of the counting model."""
    read, bits = np.array(context), 0.0
    for target in continuation:
        bits += counting_bits(read, target)
        read = np.append(read, target)
    return -bits * np.log(2)


def test_a_limited_model_reads_the_end_of_the_context():
    (short,) = ByteTextModel(CountingModel(8)).loglikelihood([("aaaaaaab", "cd")])
    assert short[0] == pytest.approx(counted(byte_ids("aaaaaab"), byte_ids("cd")))


def test_a_continuation_longer_than_the_model_is_read_in_strides():
    text = "abacabadabacaba"
    model = ByteTextModel(CountingModel(8))
    ((loglikelihood, _),) = model.loglikelihood([("ab", text)])
    # Every four bytes a stretch of eight begins, from the byte before it.
    ids = np.array([1, *byte_ids("ab" + text)])
    expected = counted(ids[:3], ids[3:9])
    for start in (4, 8, 12):
        expected += counted(ids[start : start + 5], ids[start + 5 : start + 9])
    assert loglikelihood == pytest.approx(expected, rel=1e-5)


def test_greedy_is_what_the_model_would_write():
    model = ByteTextModel(CopyingModel(num_same=4))
    answers = model.loglikelihood([("one two one two o", "ne"), ("one two o", "no")])
    assert [is_greedy for _, is_greedy in answers] == [True, False]


def test_a_whole_text_has_its_bits():
    text = "It is a truth universally acknowledged"
    for model in (CountingModel(), CountingModel(16)):
        result = bits_per_byte(model, text)
        rolled = ByteTextModel(model).loglikelihood_rolling([text, ""])
        expected = -result.bits_per_byte * len(text) * np.log(2)
        assert rolled == [pytest.approx(expected), 0.0]


def test_greedy_text_ends_before_a_stop_string():
    model = BigramModel()
    model.table = np.full((259, 259), -1.0, np.float32)
    for first, second in zip("abcd", "bcda", strict=True):
        model.table[ord(first) + 3, ord(second) + 3] = 1.0
    text_model = ByteTextModel(model)
    assert text_model.generate_until(
        [
            ("xa", {"until": ["d"], "max_gen_toks": 20}),
            ("xa", {"until": "ab", "max_gen_toks": 5}),
            ("xa", {"max_gen_toks": 3, "temperature": 0.0}),
        ]
    ) == ["bc", "bcd", "bcd"]


def test_a_limited_model_writes_with_what_it_has_room_for():
    model = BigramModel()
    model.context_length = 8
    asked = [("a" * 100, {"max_gen_toks": 4}), ("a", {"max_gen_toks": 100})]
    short, long = ByteTextModel(model).generate_until(asked)
    assert 1 <= len(short) <= 4
    assert len(long) <= 7


def test_both_adapters_agree_on_a_model_of_bytes():
    model = small_model("lstm", num_layers=1, sequence_length=40)
    adapters = ByteTextModel(model, chunk_length=40), CausalLMTextModel(model)
    assert all(isinstance(adapter, TextModel) for adapter in adapters)
    # Without a context both begin with a start token.
    ours, theirs = (
        adapter.loglikelihood([("", "some years ago")])[0] for adapter in adapters
    )
    assert ours[0] == pytest.approx(theirs[0], abs=1e-3)
    (rolled,) = adapters[0].loglikelihood_rolling(["some years ago"])
    assert rolled == pytest.approx(theirs[0], abs=1e-3)


def small_gpt2():
    letters = [chr(code) for code in range(33, 127)] + ["Ġ"]
    tokens = ["<|endoftext|>", *letters, "Ġm", "Ġme", "al"]
    tokenizer = keras_hub.models.GPT2Tokenizer(
        vocabulary={token: number for number, token in enumerate(tokens)},
        merges=["Ġ m", "Ġm e", "a l"],
    )
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=len(tokens),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
        max_sequence_length=16,
    )
    preprocessor = keras_hub.models.GPT2CausalLMPreprocessor(
        tokenizer, sequence_length=12
    )
    return keras_hub.models.GPT2CausalLM(backbone, preprocessor)


@pytest.mark.slow
def test_kerashub_models_answer_too():
    gpt2 = small_gpt2()
    text_model = CausalLMTextModel(gpt2)
    text = "Call me Ishmael."
    ids = np.asarray(gpt2.preprocessor.tokenizer(text)).tolist()
    ((rolled),) = text_model.loglikelihood_rolling([text])
    ((whole, is_greedy),) = text_model.loglikelihood([("", text)])
    assert len(ids) > 12, "more than one window"
    assert rolled == pytest.approx(whole)
    # Each id once, each from all that stands before it in its window of 12 ids; the
    # second begins after half of them.
    windows = [[0, *ids][:13], [0, *ids][6:]]
    exact = 0.0
    for window, scored in zip(windows, (12, len(ids) - 12), strict=True):
        inputs = np.array([window[:-1]])
        logits = np.asarray(
            gpt2({"token_ids": inputs, "padding_mask": np.ones_like(inputs)})
        )[0]
        logits = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        picked = logits[np.arange(len(window) - 1), window[1:]]
        exact += picked[-scored:].sum()
    assert whole == pytest.approx(exact, rel=1e-4)
    assert not is_greedy

    gpt2.compile(sampler="greedy", jit_compile=False)
    ((written),) = text_model.generate_until([("Call me", {"max_gen_toks": 2})])
    assert isinstance(written, str)
    gpt2.preprocessor = None
    with pytest.raises(ValueError, match="`preprocessor`"):
        CausalLMTextModel(gpt2)


def greedy_text(model, ids, count):
    """Greedy bytes after some ids, each from a whole call of the model."""
    ids = list(ids)
    for _ in range(count):
        inputs = {"token_ids": np.array([ids]), "padding_mask": np.ones((1, len(ids)))}
        ids.append(3 + int(np.argmax(np.asarray(model(inputs))[0, -1, 3:])))
    written = bytes(i - 3 for i in ids[-count:])
    return written.decode("utf-8", "replace")


def test_of_a_context_longer_than_the_model_the_end_is_continued():
    model = small_model("full", num_layers=1, sequence_length=20)
    model.compile(sampler="greedy", run_eagerly=True)
    context = "It is a truth universally acknowledged, that a man"
    assert len(context) > model.context_length
    read = byte_ids(context)[-(model.context_length - 6) :]
    expected = greedy_text(model, read, 6)
    model.compiled_prefill, model.compiled_step = model.prefill, model.step
    for text_model in (CausalLMTextModel(model), ByteTextModel(model)):
        texts = text_model.generate_until([(context, {"max_gen_toks": 6})])
        assert texts == [expected]


def test_a_model_of_kerashub_reads_the_end_and_is_greedy_at_temperature_zero():
    gpt2 = small_gpt2()
    draw_weights(gpt2.backbone)
    text_model = CausalLMTextModel(gpt2)
    samplers = keras_hub.samplers
    requests = [("Call me Ishmael. Some years ago", {"max_gen_toks": 4})]
    written = []
    for sampler in ("greedy", samplers.TopKSampler(k=500, temperature=0.0)):
        gpt2.compile(sampler=sampler, run_eagerly=True)
        written += text_model.generate_until(requests)
    assert gpt2.sampler is sampler
    assert written[0] == written[1] != ""
    gpt2.compile(sampler=samplers.TopKSampler(k=0), run_eagerly=True)
    with pytest.raises(ValueError, match="`k` must be an int of at least 1"):
        text_model.generate_until(requests)
