"""Benchmark cases: they run, they say what they measured, they refuse bad names."""

import json

import pytest

from benchmarks import run, verify
from benchmarks.measurement import measure
from benchmarks.registry import CASES, PLATFORMS, Case, Workload, load_case
from tools import machine


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_case_describes_itself(name, platform):
    case = load_case(name, platform)

    assert case.title
    assert case.description
    assert case.tests
    for point in (*case.points, *case.smoke_points):
        assert {"contestant", "length"} <= point.keys()
        assert case.required_bytes(**point) > 0
        if case.contestants is not None:
            assert point["contestant"] in case.contestants
            assert {"group", "heat", "reach"} <= point.keys()


def test_unknown_cases_are_refused():
    with pytest.raises(ValueError, match="`name` must be one of"):
        load_case("speed_of_light")


def test_a_rise_in_memory_is_seen():
    megabytes = 64

    def take_memory():
        return bytes(bytearray(b"x") * (megabytes * 2**20))

    measured = measure(take_memory, repeats=2)

    assert len(measured["seconds"]["all"]) == 2
    assert measured["seconds"]["least"] <= measured["seconds"]["median"]
    if measured["peak_rise_bytes"] is not None:
        assert measured["peak_rise_bytes"] > 0.9 * megabytes * 2**20


def test_a_point_too_large_for_the_machine_is_skipped_and_says_so():
    case = Case("", "", (), (), prepare=None, required_bytes=lambda **_: 2**60)

    skipped = run._measure_point("any", case, {"contestant": "full", "length": 9}, 1)

    if run.available_bytes() is None:
        pytest.skip("this system does not tell how much memory is free")
    assert "GiB free" in skipped["skipped"]


def test_failing_tests_stop_a_benchmark(tmp_path):
    failing = tmp_path / "test_failing.py"
    failing.write_text("def test_failing():\n    raise ValueError('wrong numbers')\n")
    case = Case(
        "", "", (str(failing),), (), prepare=Workload, required_bytes=lambda **_: 0
    )

    with pytest.raises(RuntimeError, match="No numbers while the tests fail"):
        verify.verify(case)


def test_results_name_the_machine_and_the_versions():
    facts = [machine.versions(), machine.hardware(), machine.commit()]

    assert json.loads(json.dumps(facts)) == facts
    assert machine.machine_name().endswith("cores")
    assert {"python", "keras", "numpy"} <= machine.versions().keys()


CONTESTANTS = sorted(
    {
        (name, point["contestant"])
        for name in CASES
        if load_case(name).contestants is None
        for point in load_case(name).points
    }
)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "contestant"), CONTESTANTS)
def test_every_contestant_runs(name, contestant):
    workload = load_case(name).prepare(contestant=contestant, length=48)

    workload.run()

    assert json.loads(json.dumps(workload.facts)) == workload.facts


@pytest.mark.slow
@pytest.mark.parametrize("platform", PLATFORMS)
def test_contestants_that_take_turns_run_at_tiny_sizes(platform, tmp_path):
    # What Keras alone can run: PyTorch is not always there.
    chosen = ["ours_tensorflow", "full_tensorflow", "ours_jax", "cudnn_jax"]
    options = run.Options(
        repeats=1, contestants=chosen, platform=platform, is_smoke=True
    )

    result = run.run_case("attention", options)

    assert json.loads(json.dumps(result)) == result
    assert len(result["points"]) > 3
    assert not [point for point in result["points"] if "skipped" in point]


def test_points_are_chosen_by_length_contestant_and_group():
    case = load_case("attention")
    options = run.Options(lengths=[4096], groups=["forward"], contestants=["flex"])

    points = options.points(case)

    assert [point["reach"] for point in points] == [32, 256]
    assert len(run.Options().points(case)) == len(case.points)
