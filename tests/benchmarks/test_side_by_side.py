"""What is told of contestants that took turns: ratios, targets, tables, pictures."""

import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks import report, side_by_side
from benchmarks.attention_targets import evaluate, log_log_slope, peer_ratio
from benchmarks.registry import PLATFORMS
from tests.benchmarks.made_up_results import whole_result


@pytest.fixture(scope="module", params=PLATFORMS)
def result(request):
    return whole_result(request.param)


@pytest.fixture(scope="module")
def on_processor():
    return whole_result("cpu")


def test_a_whole_run_answers_every_target(on_processor):
    assert len(on_processor["targets"]) > 15
    for row in on_processor["targets"]:
        assert row["reached"] != "not measured", row["target"]


def test_nothing_measured_meets_nothing():
    for row in evaluate([]):
        assert row["is_met"] is None
        assert row["reached"] == "not measured"


def test_ratios_follow_the_medians(on_processor):
    rows = {row["target"]: row for row in on_processor["targets"]}
    target = "forward, 4,096 tokens, 256 a side: Hugging Face Longformer ÷ ours ≥ 4.5"

    # Five times the work at the same rate, and a millisecond for each call.
    assert 4.9 < float(rows[target]["reached"]) < 5.0
    assert rows[target]["is_met"] is True


def test_full_attention_is_compared_with_the_widest_window(on_processor):
    points = [p for p in on_processor["points"] if "skipped" not in p]
    heat = [
        p
        for p in points
        if p["group"] == p["task"] == "forward" and p["length"] == 1024
    ]
    full = next(p for p in heat if p["contestant"] == "sdpa")
    ours = [p for p in heat if p["contestant"] == "ours_tensorflow"]
    widest = max(ours, key=lambda point: point["reach"])

    expected = full["seconds"]["median"] / widest["seconds"]["median"]
    assert peer_ratio(points, full) == pytest.approx(expected)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_slope_is_the_power(power):
    pairs = [(x, 3 * x**power) for x in (32, 64, 512)]

    assert log_log_slope(pairs) == pytest.approx(power)
    assert log_log_slope(pairs[:1]) is None


def test_the_section_has_every_contestant_and_what_was_not_run(result):
    text = report.section(result)

    for title in result["contestants"].values():
        assert title in text
    assert "| target | reached | met |" in text
    assert side_by_side.circumstances(result) in text
    skipped = [p for p in result["points"] if "skipped" in p]
    assert ("Not run:" in text) == bool(skipped)


def test_pictures_are_small_and_well_formed(on_processor):
    files = {
        path: text
        for path, text in report.written_files([on_processor]).items()
        if path.suffix == ".svg"
    }

    assert sorted(path.stem for path in files) == [
        "attention_length",
        "attention_window",
    ]
    for text in files.values():
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert len(text) < 150_000


def test_a_part_of_a_run_can_be_told(on_processor):
    points = [p for p in on_processor["points"] if p["group"] == "short text"]
    part = {**on_processor, "points": points, "targets": evaluate(points)}

    assert "not measured" in report.section(part)
