"""Contestants take turns, each in a process of its own."""

import os
import time
from pathlib import Path

import pytest

from benchmarks import heats
from benchmarks.contestant_process import ContestantError, ContestantProcess
from benchmarks.registry import Case, Contestant

MODULE = "tests.benchmarks.numpy_contestant"
CONTESTANTS = {
    "first": Contestant("The first", MODULE),
    "second": Contestant("The second", MODULE, {"SOME_VARIABLE": "1"}, {}),
}


def point(contestant, length, group="sorting"):
    return {
        "contestant": contestant,
        "length": length,
        "group": group,
        "heat": f"{length} numbers",
    }


def case(required_bytes=lambda **_: 1):
    return Case(
        "",
        "",
        (),
        (),
        prepare=None,
        required_bytes=required_bytes,
        contestants=CONTESTANTS,
        groups_without_memory=("quick",),
    )


def measure(points, of=None, **options):
    lines = []
    results = heats.measure_heats(of or case(), points, say=lines.append, **options)
    assert len(lines) == len(points)
    return results


@pytest.fixture
def process():
    process = ContestantProcess(CONTESTANTS["first"])
    yield process
    process.close()


def test_every_point_is_timed_in_its_heat():
    points = [point(name, length) for length in (4000, 5000) for name in CONTESTANTS]

    results = measure(points, budget=0.1, turns=3)

    assert [{key: r[key] for key in points[0]} for r in results] == points
    for result in results:
        seconds = result["seconds"]
        assert result["name"] == result["contestant"]
        assert len(seconds["all"]) == 3
        assert 0 < seconds["least"] <= seconds["median"] <= seconds["greatest"]


def test_memory_is_measured_where_it_is_asked_for():
    points = [point("first", 10**6), point("first", 10**6, group="quick")]

    with_memory, without = measure(points, budget=0.1, turns=1)

    assert without["peak_rise_bytes"] is None
    if with_memory["peak_rise_bytes"] is not None:
        assert with_memory["peak_rise_bytes"] > 0.9 * 8 * 10**6


def test_what_fails_is_told_and_does_not_stop_the_others():
    points = [point("first", 13), point("second", 13), point("first", 100)]

    failed, also_failed, run = measure(points, budget=0.1, turns=1)

    assert "`length` must not be 13" in failed["skipped"]
    assert "`length` must not be 13" in also_failed["skipped"]
    assert run["seconds"]["median"] > 0


def test_what_does_not_fit_is_skipped_and_says_so():
    too_large = case(required_bytes=lambda **_: 2**60)
    if heats.available_bytes() is None:
        pytest.skip("this system does not tell how much memory is free")

    (skipped,) = measure([point("first", 100)], too_large, budget=0.1)

    assert "GiB free" in skipped["skipped"]


def test_a_process_keeps_its_points_until_they_are_released(process):
    process.ask("prepare", 0, point("first", 100))

    assert process.ask("time", 0, 2) > 0
    process.ask("release")
    with pytest.raises(ContestantError, match="KeyError"):
        process.ask("time", 0, 2)
    assert process.is_alive()


def test_what_compiles_nothing_is_not_called_in_vain():
    eager = Contestant("Eager", MODULE, is_eager=True)
    process = ContestantProcess(eager)

    first = process.ask("prepare", 0, point("first", 100))
    second = process.ask("prepare", 1, point("first", 200))

    assert "first_seconds" in first
    assert "first_seconds" not in second
    process.close()


def processor_seconds(process):
    """The processor time of a contestant so far, or None where it is unknown."""
    numbers = Path(f"/proc/{process._process.pid}/stat")
    if not numbers.exists():
        return None
    # Behind the name in brackets, which may contain spaces: fields 14 and 15.
    fields = numbers.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_process_that_waits_takes_no_processor_time(process):
    process.ask("prepare", 0, point("first", 10**6))
    process.ask("time", 0, 1)
    before = processor_seconds(process)
    if before is None:
        pytest.skip("this system does not report the processor time of another process")

    time.sleep(0.3)

    assert processor_seconds(process) - before < 0.1


@pytest.mark.parametrize(
    ("estimate", "turns", "calls"),
    [(10.0, 3, 1), (0.5, 3, 1), (0.1, 10, 1), (0.0001, 15, 200)],
)
def test_slow_points_get_fewer_turns_and_quick_ones_several_calls(
    estimate, turns, calls
):
    assert heats.turns_of(estimate, budget=1.0) == (turns, calls)
    assert heats.turns_of(estimate, budget=1.0, turns=5) == (5, calls)
