"""Benchmark cases: they run, they say what they measured, they refuse bad names."""

import json

import pytest

from benchmarks import machine, run, verify
from benchmarks.measurement import measure
from benchmarks.registry import CASES, Case, Workload, load_case


@pytest.mark.parametrize("name", CASES)
def test_every_case_describes_itself(name):
    case = load_case(name)

    assert case.title
    assert case.description
    assert case.tests
    for point in case.points:
        assert {"contestant", "length"} <= point.keys()
        assert case.required_bytes(**point) > 0


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
    {(name, point["contestant"]) for name in CASES for point in load_case(name).points}
)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "contestant"), CONTESTANTS)
def test_every_contestant_runs(name, contestant):
    workload = load_case(name).prepare(contestant=contestant, length=48)

    workload.run()

    assert json.loads(json.dumps(workload.facts)) == workload.facts
