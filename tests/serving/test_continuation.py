import threading

import pytest

from longkeras.evaluation.language_models.protocol import CHUNK_LENGTH
from longkeras.serving import InputError, continue_text
from tests.serving.fake_models import FakeFull, FakeLSTM, FakeWindowed

PROMPT = "The moon rose. 月出 "


def finished(models, prompt=PROMPT, **settings):
    *_, last = continue_text(models, prompt, **settings)
    return last


def all_models():
    return {"lstm": FakeLSTM(1), "window": FakeWindowed(2), "full": FakeFull(3)}


def test_all_models_write_whole_characters_up_to_the_length():
    result = finished(all_models(), max_bytes=90, seed=4)
    assert list(result) == ["lstm", "window", "full"]
    for name, continuation in result.items():
        assert continuation.name == name
        assert continuation.stop_reason in ("length", "end")
        assert len(continuation.text.encode()) == continuation.bytes_written
        assert continuation.bytes_written <= 90
        assert continuation.prompt_bytes == len(PROMPT.encode())
        assert continuation.prompt_bytes_dropped == 0
        assert continuation.bytes_per_second > 0
    assert any(len(c.text) < c.bytes_written for c in result.values())


def test_equal_seeds_give_equal_texts_and_other_seeds_others():
    first = finished(all_models(), max_bytes=60, seed=1)
    again = finished(all_models(), max_bytes=60, seed=1)
    other = finished(all_models(), max_bytes=60, seed=2)
    assert first["lstm"].text == again["lstm"].text
    assert first["lstm"].text != other["lstm"].text


def test_a_text_does_not_depend_on_the_other_models():
    together = finished(all_models(), max_bytes=50)
    alone = finished({"window": FakeWindowed(2)}, max_bytes=50)
    assert alone["window"].text == together["window"].text


def test_temperature_zero_is_greedy_whatever_the_seed():
    texts = {
        finished({"m": FakeLSTM(1)}, max_bytes=40, temperature=0, seed=seed)["m"].text
        for seed in range(3)
    }
    assert len(texts) == 1


def test_every_value_extends_the_one_before():
    before = dict.fromkeys(all_models(), "")
    for value in continue_text(all_models(), PROMPT, max_bytes=30, every_seconds=0):
        for name, continuation in value.items():
            assert continuation.text.startswith(before[name])
            before[name] = continuation.text


def test_models_write_in_turns():
    longest_lead = 0
    for value in continue_text(all_models(), PROMPT, max_bytes=30, every_seconds=0):
        writing = [c.bytes_written for c in value.values() if not c.stop_reason]
        if writing:
            longest_lead = max(longest_lead, max(writing) - min(writing))
    assert longest_lead <= 2


def test_the_stop_event_stops_all_models_at_once():
    stop = threading.Event()
    models = all_models()
    values = continue_text(
        models, PROMPT, max_bytes=2000, stop_event=stop, every_seconds=0
    )
    for value in values:
        if value["full"].bytes_written == 5 and not stop.is_set():
            stop.set()
            calls = len(models["lstm"].calls)
    assert {c.stop_reason for c in value.values()} == {"stopped"}
    assert len(models["lstm"].calls) == calls


def test_closing_the_generator_stops_the_models():
    models = all_models()
    values = continue_text(models, PROMPT, max_bytes=2000, every_seconds=0)
    next(values)
    values.close()
    calls = [len(model.calls) for model in models.values()]
    assert sum(calls) < 12


def test_a_long_prompt_is_read_in_chunks_of_one_shape():
    model = FakeLSTM(1)
    prompt = "ab" * (CHUNK_LENGTH + 5)
    result = finished({"m": model}, prompt, max_bytes=3)
    shapes = {shape for kind, shape in model.calls if kind == "prefill"}
    assert shapes == {(1, CHUNK_LENGTH)}
    assert result["m"].prompt_bytes == len(prompt)


def test_a_limited_context_is_given_the_end_of_the_prompt_and_goes_on_when_full():
    model = FakeFull(3)
    prompt = "月" * 100
    result = finished({"m": model}, prompt, max_bytes=150, seed=8)["m"]
    assert result.prompt_bytes % 3 == 0
    assert 58 <= result.prompt_bytes <= 64
    assert result.prompt_bytes_dropped == 300 - result.prompt_bytes
    assert result.stop_reason == "end" or result.bytes_written == 150
    shapes = {shape for kind, shape in model.calls if kind == "prefill"}
    assert shapes == {(1, 64)}


def test_a_windowed_model_continues_the_same_after_a_prompt_in_one_or_many_chunks():
    prompt = "x" * (2 * CHUNK_LENGTH) + PROMPT
    whole = finished({"m": FakeWindowed(2)}, prompt, max_bytes=30)["m"]
    end = finished({"m": FakeWindowed(2)}, prompt[-200:], max_bytes=30)["m"]
    assert whole.text == end.text


@pytest.mark.parametrize(
    ("prompt", "settings", "code"),
    [
        ("", {}, "empty"),
        (" \n", {}, "empty"),
        ("a\0b", {}, "nul"),
        ("a\ud800", {}, "surrogate"),
        (PROMPT, {"max_bytes": 0}, "out_of_range"),
        (PROMPT, {"max_bytes": 10**9}, "out_of_range"),
        (PROMPT, {"temperature": -1}, "out_of_range"),
        (PROMPT, {"temperature": float("nan")}, "out_of_range"),
        (PROMPT, {"top_p": 0}, "out_of_range"),
        (PROMPT, {"seed": None}, "out_of_range"),
    ],
)
def test_wrong_input_is_refused_before_a_model_is_called(prompt, settings, code):
    model = FakeLSTM(1)
    with pytest.raises(InputError) as error:
        finished({"m": model}, prompt, **settings)
    assert error.value.code == code
    assert model.calls == []


def test_two_users_of_the_same_models_get_what_each_would_get_alone():
    from longkeras.serving import SharedModel

    shared = {name: SharedModel(model, name) for name, model in all_models().items()}
    prompts = ["Sing, O goddess, ", "話說天下大勢，", "It was the best of times"]
    alone = [finished(all_models(), prompt, max_bytes=80) for prompt in prompts]
    together = [None] * len(prompts)

    def use(index):
        together[index] = finished(shared, prompts[index], max_bytes=80)

    users = [threading.Thread(target=use, args=(i,)) for i in range(len(prompts))]
    for user in users:
        user.start()
    for user in users:
        user.join()
    for own, mixed in zip(alone, together, strict=True):
        assert {n: c.text for n, c in own.items()} == {
            n: c.text for n, c in mixed.items()
        }


class SpecialFake(FakeLSTM):
    """Expects special tokens and broken characters more than anything else."""

    def _read(self, token_ids, state):
        logits, hidden, state = super()._read(token_ids, state)
        logits[:, :3] += 100.0
        logits[:, 3 + 0x80 : 3 + 0x100] += 50.0
        return logits, hidden, state


def test_only_whole_characters_and_an_end_between_two_are_written():
    model = SpecialFake(1)
    result = finished({"m": model}, max_bytes=60, seed=3)["m"]
    # The most probable token that is allowed between two characters ends the text.
    assert (result.text, result.stop_reason) == ("", "end")
    model.pairs[:, 2] -= 200.0
    result = finished({"m": model}, max_bytes=60, seed=3)["m"]
    assert result.stop_reason == "length"
    assert len(result.text.encode()) == result.bytes_written == 60
    assert len(result.text) < 40
