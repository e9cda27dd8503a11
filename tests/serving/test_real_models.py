"""The whole of serving over tiny models of the real classes, saved and loaded."""

import hashlib
import json
import threading

import numpy as np
import pytest

from longkeras.serving import (
    ModelRegistry,
    compare_models,
    continue_text,
    inspect_place,
)

TEXT = "The moon, 月, rose over 天山. 🙂\n" * 35
NAMES = ("tiny-lstm", "tiny-full", "tiny-window")


def build(name):
    from longkeras import models

    tokenizer = models.ByteTokenizer()
    if name == "tiny-lstm":
        return models.RecurrentCausalLM(
            models.RecurrentBackbone(vocabulary_size=259, num_layers=1, hidden_dim=16),
            models.RecurrentCausalLMPreprocessor(tokenizer, sequence_length=32),
        )
    sizes = {"attention_window": [5, 9]}
    if name == "tiny-full":
        sizes = {"max_sequence_length": 64}
    backbone = models.CausalTransformerBackbone(
        vocabulary_size=259,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=16,
        **sizes,
    )
    return models.TransformerCausalLM(
        backbone,
        models.TransformerCausalLMPreprocessor(tokenizer, sequence_length=32),
    )


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    from longkeras import save_model

    folder = tmp_path_factory.mktemp("saved_models")
    families = ("lstm", "full_attention", "sliding_window")
    models = []
    for name, family in zip(NAMES, families, strict=True):
        model = build(name)
        for weight in model.trainable_variables:
            # Larger than at the start of training, so that predictions differ.
            weight.assign(weight * 3.0)
        save_model(model, folder / name)
        files = [path for path in (folder / name).rglob("*") if path.is_file()]
        models.append(
            {
                "name": name,
                "path": name,
                "title": name,
                "family": family,
                "parameters": model.count_params(),
                "sha256": {
                    path.relative_to(folder / name).as_posix(): hashlib.sha256(
                        path.read_bytes()
                    ).hexdigest()
                    for path in files
                },
            }
        )
    (folder / "manifest.json").write_text(json.dumps({"models": models}))
    return ModelRegistry(folder)


@pytest.fixture(scope="module")
def readings(registry):
    *_, last = compare_models(registry, NAMES, TEXT)
    return last.readings


def bits_of_one_pass(registry, name, text):
    """Bits by the model's ordinary forward pass over the whole text."""
    data = np.frombuffer(text.encode(), "uint8").astype("int32") + 3
    token_ids = np.concatenate([[1], data[:-1]])[None]
    inputs = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)}
    logits = np.asarray(registry.load(name)._model(inputs))[0].astype("float64")
    log_total = np.log(np.exp(logits).sum(axis=-1))
    return (log_total - logits[np.arange(len(data)), data]) / np.log(2)


@pytest.mark.parametrize(
    "name", [pytest.param("tiny-lstm", marks=pytest.mark.slow), "tiny-window"]
)
def test_reading_in_chunks_gives_the_bits_of_one_pass(registry, readings, name):
    expected = bits_of_one_pass(registry, name, TEXT)
    np.testing.assert_allclose(readings[name].bits, expected, atol=1e-3)


def test_the_first_segment_of_full_attention_has_the_bits_of_one_pass(
    registry, readings
):
    expected = bits_of_one_pass(registry, "tiny-full", TEXT)[:64]
    np.testing.assert_allclose(readings["tiny-full"].bits[:64], expected, atol=1e-3)


def test_readings_say_how_they_were_made(readings):
    protocols = {name: readings[name].protocol for name in NAMES}
    assert protocols["tiny-lstm"].context_bytes is None
    assert protocols["tiny-window"].context_bytes == 1 + 4 + 8
    assert protocols["tiny-full"].context_bytes == 64
    assert protocols["tiny-full"].kind == "strided"
    for reading in readings.values():
        assert reading.bytes_read == len(TEXT.encode())
        assert reading.state_bytes > 0


@pytest.mark.parametrize("name", NAMES)
def test_inspection_agrees_with_the_reading(registry, readings, name):
    reading = readings[name]
    for index in (0, 9, 40, len(TEXT) - 2):
        place = inspect_place(registry.load(name), reading, index)
        bits = -np.log2(place.actual_probability)
        # Full attention sees a later character's own bytes in another segment.
        tolerance = 0.5 if name == "tiny-full" else 1e-2
        assert bits == pytest.approx(reading.character_bits[index], abs=tolerance)
        probabilities = [found.probability for found in place.alternatives]
        assert probabilities == sorted(probabilities, reverse=True)
        assert 0 < sum(probabilities) <= 1


def test_two_users_write_what_each_would_write_alone(registry):
    models = {name: registry.load(name) for name in NAMES}

    def write(prompt):
        *_, last = continue_text(models, prompt, max_bytes=40, seed=5)
        return {name: continuation.text for name, continuation in last.items()}

    prompts = ["Call me Ishmael.", "話說天下大勢"]
    alone = [write(prompt) for prompt in prompts]
    together = [None, None]

    def use(index):
        together[index] = write(prompts[index])

    users = [threading.Thread(target=use, args=(index,)) for index in range(2)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert together == alone
    assert alone[0] != alone[1]
