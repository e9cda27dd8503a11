"""The case of whole models: its points, its targets, a tiny run, and what is told."""

import json

import pytest

from benchmarks import heats, report, run
from benchmarks.longformer_model_targets import evaluate
from benchmarks.registry import load_case

GIBIBYTE = 2**30
# Seconds and memory by contestant and task, of the wide window.
SECONDS = {
    ("ours_tensorflow", "forward"): 8.0,
    ("ours_tensorflow", "training"): 30.0,
    ("ours_tensorflow", "loading"): 5.0,
    ("huggingface", "forward"): 20.0,
    ("huggingface", "training"): 54.0,
    ("huggingface", "loading"): 2.0,
}


def measured(point):
    seconds = SECONDS[point["contestant"], point["task"]]
    seconds /= 2 if point["reach"] == 32 else 1
    is_ours = point["contestant"] == "ours_tensorflow"
    return {
        **point,
        "calls_a_turn": 1,
        "first_seconds": seconds + 15.0,
        "peak_rise_bytes": None,
        "peak_rss_bytes": (4 if is_ours else 8) * GIBIBYTE,
        "seconds": {
            "median": seconds,
            "least": seconds,
            "greatest": seconds,
            "all": [seconds] * 2,
        },
    }


def rows_of(points):
    return {row["target"]: row for row in evaluate(points)}


@pytest.fixture(scope="module")
def points():
    return [measured(point) for point in load_case("longformer_model").points]


def test_the_two_take_turns_in_every_heat():
    points = load_case("longformer_model").points

    for ours, theirs in zip(points[::2], points[1::2], strict=True):
        assert ours["contestant"] == "ours_tensorflow"
        assert theirs == {**ours, "contestant": "huggingface"}


def test_what_was_reached_is_judged(points):
    rows = rows_of(points)

    assert rows["forward, 256 a side: Hugging Face ÷ ours ≥ 2"]["is_met"] is True
    assert rows["training step, 256 a side: Hugging Face ÷ ours ≥ 2"] == {
        "target": "training step, 256 a side: Hugging Face ÷ ours ≥ 2",
        "reached": "1.80 (54.0 ÷ 30.0 s)",
        "is_met": False,
    }
    assert rows["ours, training step: 256 a side ÷ 32 a side ≥ 1.3"]["is_met"] is True
    assert rows["ours, loading a checkpoint: < 6 s"]["reached"] == "5.0 s"
    compiling = rows["ours, compiling, forward, 256 a side"]
    assert compiling["reached"] == "15 s (first call 23 s, then 8.0 s)"
    share = "peak memory, training step, 256 a side: ≤ 60% of Hugging Face's"
    assert rows[share]["reached"] == "50% (4.0 of 8.0 GiB)"


def test_another_size_meets_and_misses_nothing(points):
    smaller = [{**point, "num_layers": 2} for point in points]

    for row in evaluate(smaller):
        assert row["is_met"] is None
        assert row["reached"] != "not measured"


def test_nothing_measured_is_said_to_be_so():
    for row in evaluate([]):
        assert row["is_met"] is None
        assert row["reached"] == "not measured"


def test_sizes_are_chosen_from_outside():
    options = run.Options(sizes={"num_layers": 2, "length": 1024, "colour": 3})

    points = options.points(load_case("longformer_model"))

    assert {point["num_layers"] for point in points} == {2}
    assert {point["length"] for point in points} == {1024}
    assert not any("colour" in point for point in points)


def test_the_section_tells_times_memory_and_ratios(points):
    case = load_case("longformer_model")
    text = report.section(
        {
            "case": "longformer_model",
            "title": case.title,
            "description": case.description,
            "date": "2026-01-02T03:04:05+00:00",
            "backend": "cpu",
            "commit": {"hash": "0123456789abcdef", "is_modified": False},
            "versions": {"keras": "3.0"},
            "hardware": {"processor": "CPU", "cores": 2, "memory_bytes": 2**33},
            "load_before": 0.1,
            "took_seconds": 600.0,
            "contestants": {name: c.title for name, c in case.contestants.items()},
            "targets": evaluate(points),
            "points": points,
        }
    )

    assert "| Hugging Face Longformer | 256 | 20,000 ms" in text
    assert "× 2.50, 8,192 MiB" in text
    assert "### Loading" in text


@pytest.mark.slow
def test_fresh_processes_tell_their_peak_and_call_once_what_is_asked_once():
    # What Keras alone can run: PyTorch is not always there.
    options = run.Options(contestants=["ours_tensorflow"], is_smoke=True)

    result = run.run_case("longformer_model", options)

    assert json.loads(json.dumps(result)) == result
    for point in result["points"]:
        turns = 1 if point["task"] == "loading" else heats.MOST_TURNS
        assert len(point["seconds"]["all"]) <= turns
        assert point["peak_rss_bytes"] > 2**26
        assert point["first_seconds"] > 0
