"""The case of recurrent layers: equal work, its targets, and what is told."""

import json

import keras
import numpy as np
import pytest

from benchmarks import run
from benchmarks.contestants.recurrent_setting import TASKS
from benchmarks.recurrent_targets import evaluate
from benchmarks.registry import load_case
from benchmarks.side_by_side import section
from tests.ops.cases import assert_close

SIZES = {"length": 5, "batch": 3, "units": 4}
MILLISECONDS = {
    "ours_tensorflow": 200.0,
    "ours_tensorflow_xla": 300.0,
    "ours_jax": 250.0,
    "torch": 220.0,
    "keras_tensorflow": 260.0,
    "keras_tensorflow_xla": 900.0,
    "keras_jax": 400.0,
}


def arrays_of(contestant, task):
    case = load_case("recurrent")
    workload = case.prepare(contestant=contestant, task=task, **SIZES)
    return workload.arrays(workload.run())


def check_equal(contestant, task):
    ours = arrays_of(f"ours_{keras.backend.backend()}", task)
    theirs = arrays_of(contestant, task)
    assert len(ours) == len(theirs) == (8 if task == "training" else 1)
    for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
        assert_close(np.asarray(one), other, 5e-6, f"{contestant} {index}")


needs_contestants = pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="its layers are PyTorch's own"
)


@needs_contestants
@pytest.mark.parametrize("task", TASKS)
def test_the_layers_of_keras_compute_the_same(task):
    check_equal(f"keras_{keras.backend.backend()}", task)


@needs_contestants
@pytest.mark.parity("torch")
@pytest.mark.parametrize("task", TASKS)
def test_the_layers_of_torch_compute_the_same(task):
    check_equal("torch", task)


def measured(point):
    seconds = MILLISECONDS[point["contestant"]] / 1e3
    return {
        **point,
        "units": 650,
        "flops": 2e10,
        "calls_a_turn": 1,
        "peak_rise_bytes": None,
        "seconds": dict.fromkeys(("median", "least", "greatest"), seconds),
    }


@pytest.fixture(scope="module")
def points():
    return [measured(point) for point in load_case("recurrent").points]


def test_what_was_reached_is_judged(points):
    rows = {row["target"]: row for row in evaluate(points)}
    of_torch = rows["training step, TensorFlow: torch.nn.LSTM ÷ ours ≥ 1"]
    assert of_torch["reached"] == "1.10 (220 ÷ 200 ms)" and of_torch["is_met"]
    of_keras = rows[
        "training step, TensorFlow: the fastest of Keras' own ÷ ours ≥ 1.15"
    ]
    assert of_keras["reached"] == "1.30 (260 ÷ 200 ms, Keras, TensorFlow's graph)"
    on_jax = rows["training step, JAX: torch.nn.LSTM ÷ ours"]
    assert on_jax["reached"].startswith("0.88") and on_jax["is_met"] is None
    rate = rows["ours, forward, TensorFlow: rate of its matrix products"]
    assert rate["reached"].startswith("100 GFLOP/s")


def test_nothing_is_judged_of_other_sizes_or_of_what_was_not_measured(points):
    short = [{**point, "length": 5} for point in points]
    assert all(row["is_met"] is None for row in evaluate(short))
    skipped = [{**point, "skipped": "no memory"} for point in points]
    assert {row["reached"] for row in evaluate(skipped)} == {"not measured"}


def test_the_section_has_ratios_and_no_windows(points):
    case = load_case("recurrent")
    text = section(
        {
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
            "targets": [],
            "points": points,
        }
    )
    assert "| `torch.nn.LSTM` | 220 ms (220–220), × 1.10 |" in text
    assert "keys per side" not in text


@pytest.mark.slow
def test_what_keras_alone_can_run_runs_at_tiny_size():
    chosen = [name for name in MILLISECONDS if name != "torch"]
    options = run.Options(repeats=1, contestants=chosen, is_smoke=True)
    result = run.run_case("recurrent", options)
    assert json.loads(json.dumps(result)) == result
    assert not [point for point in result["points"] if "skipped" in point]
