"""The page of benchmarks: generated, never typed."""

import pytest

from benchmarks import report
from benchmarks.run import RESULTS


def point(contestant, length, rise, seconds):
    return {
        "contestant": contestant,
        "length": length,
        "peak_rise_bytes": rise,
        "seconds": {"median": seconds},
    }


def result(points):
    return {
        "case": "attention_memory",
        "title": "Attention",
        "description": "What was measured.",
        "date": "2026-01-02T03:04:05+00:00",
        "backend": "tensorflow",
        "commit": {"hash": "0123456789abcdef", "is_modified": False},
        "versions": {"keras": "3.0", "tensorflow": "2.0"},
        "hardware": {"processor": "CPU", "cores": 2, "memory_bytes": 2**33},
        "load_before": 0.5,
        "repeats": 3,
        "points": points,
    }


FLOOR = 40 * 2**20


@pytest.mark.parametrize(("power", "growth"), [(1, 2.0), (2, 4.0)])
def test_growth_tells_linear_from_quadratic_above_any_floor(power, growth):
    points = [
        point("banded", length, FLOOR + 1000 * length**power, 1e-6 * length**power)
        for length in (1024, 2048, 4096)
    ]

    assert report.memory_growth(points) == pytest.approx(growth)
    assert report.time_growth(points) == pytest.approx(growth)


def test_growth_needs_doublings():
    points = [point("banded", length, length, 1.0) for length in (1000, 1500)]

    assert report.memory_growth(points) is None
    assert report.time_growth(points) is None
    assert report.memory_growth([]) is None
    assert report.time_growth([]) is None


def test_the_table_has_a_row_a_length_and_says_what_was_not_run():
    text = report.section(
        result(
            [
                point("banded", 1024, 2**20, 0.25),
                point("full", 1024, 3 * 2**20, 0.5),
                {"contestant": "full", "length": 2048, "skipped": "too large"},
            ]
        )
    )

    assert "| length | banded: memory | time | full: memory | time |" in text
    assert "| 1,024 | 1 MiB | 0.25 s | 3 MiB | 0.50 s |" in text
    assert "| 2,048 |  |  | not run: too large |  |" in text
    assert "2026-01-02, commit 0123456789ab;" in text


def test_the_page_and_its_pictures_are_what_the_results_say():
    files = report.written_files(report.read_results(RESULTS))

    for path, text in files.items():
        assert report.is_current(path, text), f"python -m benchmarks.report: {path}"
