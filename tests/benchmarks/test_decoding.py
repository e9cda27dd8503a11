"""The case of decoding: what it reaches is judged, drawn, and it runs at tiny size."""

import json

import pytest

from benchmarks import report, run
from benchmarks.decoding_targets import evaluate
from benchmarks.registry import load_case

MILLISECONDS = {
    "ours_tensorflow": 80.0,
    "ours_jax": 100.0,
    "ours_tensorflow_stream": 150.0,
    "ours_jax_stream": 130.0,
    "huggingface": 560.0,
    "huggingface_window": 400.0,
}


def measured(point):
    seconds = MILLISECONDS[point["contestant"]] / 1e3
    if point["heat"] == "full attention":
        seconds *= point["length"] / 1024
    return {
        **point,
        "num_tokens": 32,
        "calls_a_turn": 1,
        "peak_rise_bytes": None,
        "seconds": dict.fromkeys(("median", "least", "greatest"), seconds),
    }


@pytest.fixture(scope="module")
def points():
    return [measured(point) for point in load_case("decoding").points]


def test_what_was_reached_is_judged(points):
    rows = {row["target"]: row for row in evaluate(points)}
    of_generate = rows["generate, TensorFlow: Hugging Face's Llama ÷ ours ≥ 6"]
    assert of_generate["reached"] == "7.0 (560 ÷ 80 ms)"
    assert of_generate["is_met"] is True
    assert rows["generate, JAX: Hugging Face's Llama ÷ ours ≥ 6"]["is_met"] is False
    of_stream = rows["stream, JAX: Hugging Face's Mistral ÷ ours"]
    assert of_stream == {**of_stream, "reached": "3.1 (400 ÷ 130 ms)", "is_met": None}
    of_window = rows[
        "sliding window: time per token after 16,384 ÷ after 1,024 tokens ≤ 1.2"
    ]
    assert of_window["reached"] == "1.00 (2.50 ÷ 2.50 ms)" and of_window["is_met"]
    of_full = rows["full attention: time per token after 16,384 ÷ after 1,024 tokens"]
    assert of_full["reached"].startswith("16.00") and of_full["is_met"] is None


def test_nothing_is_judged_of_short_texts_or_of_what_was_not_measured(points):
    short = [{**point, "length": 64} for point in points]
    assert all(row["is_met"] is None for row in evaluate(short))
    skipped = [{**point, "skipped": "no memory"} for point in points]
    assert {row["reached"] for row in evaluate(skipped)} == {"not measured"}


def test_the_growing_lengths_are_drawn(points):
    result = {"case": "decoding", "backend": "cpu", "points": points}
    (picture,) = report._pictures(result).values()
    assert picture.startswith("<svg") and "sliding window" in picture
    assert not report._pictures({**result, "points": points[:2]})


@pytest.mark.slow
def test_ours_run_at_tiny_sizes():
    ours = [name for name in MILLISECONDS if name.startswith("ours")]
    options = run.Options(repeats=1, contestants=ours, is_smoke=True)
    result = run.run_case("decoding", options)
    assert json.loads(json.dumps(result)) == result
    assert not [point for point in result["points"] if "skipped" in point]


@pytest.mark.slow
@pytest.mark.parity
@pytest.mark.parametrize("contestant", ["huggingface", "huggingface_window"])
def test_hugging_face_writes_as_many_tokens(contestant):
    pytest.importorskip("torch")
    case = load_case("decoding")
    points = [p for p in case.smoke_points if p["contestant"] == contestant]
    for point in points:
        workload = case.prepare(**point)
        for _ in range(2):
            (tokens,) = workload.arrays(workload.run())
            assert tokens.shape == (1, 4)
