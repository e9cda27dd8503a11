"""The evaluation from its command line to the page of its results."""

import json

import pytest

from longkeras import save_model
from longkeras.data import sample
from tests.models.small_models import small_model
from training import evaluate, evaluation_report
from training.evaluation_record import SCHEMA, as_json, read_records
from training.evaluation_texts import load_text_set

SMALL = {
    "max-bytes": [200],
    "passages": [3],
    "position-length": [32],
    "context-bytes": [56],
    "target-bytes": [8],
    "truncations": [4, 16, 40, 64],
    "perturbations": ["shuffle", "replace"],
    "distances": [16],
    "recall-kinds": ["passkey"],
    "recall-lengths": [120],
    "recall-depths": [0.5],
    "recall-repeats": [2],
    "batch-size": [3],
}
SMALL_OPTIONS = [
    word for name, values in SMALL.items() for word in (f"--{name}", *map(str, values))
]


def run(model, output, *more):
    arguments = ["--model", str(model), "--output", str(output), *SMALL_OPTIONS]
    evaluate.main([*arguments, *map(str, more)])


def test_a_model_is_measured_recorded_and_reported(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)
    for kind in ("windowed", "full"):
        save_model(small_model(kind), tmp_path / kind)
        run(tmp_path / kind, tmp_path / "results", "--texts", "books-en")
    full, windowed = read_records(tmp_path / "results")

    assert windowed["schema"] == SCHEMA
    assert windowed["model"]["theoretical_reach"] == 2 + 5
    assert windowed["settings"]["truncations"] == [4, 16, 40, 64]
    assert {"keras", "numpy", "python"} <= set(windowed["versions"])
    tasks = [one["task"] for one in windowed["measurements"]]
    assert tasks == ["bits", "positions", "context", "context", "context", "recall"]
    bits, positions, truncated, *_, recalled = windowed["measurements"]
    assert bits["num_bytes"] == 200 * len(load_text_set("books-en").texts)
    assert bits["protocol"].startswith("streaming")
    assert [one["end"] for one in positions["bins"]] == [16, 32]
    # As much context as there is is no truncation.
    assert [one["distance"] for one in truncated["changes"]] == [4, 16, 40]
    assert len(truncated["bits_by_place"]) == 4
    # Nothing farther than its reach matters to a model.
    assert [abs(one["mean"]) < 1e-3 for one in truncated["changes"]][1:] == [True] * 2
    assert recalled["scores"][0]["count"] == 2
    # The full model reads 48 bytes: 40 of context, and 8 more.
    assert full["measurements"][2]["context_length"] == 40
    assert full["measurements"][0]["protocol"].startswith("strided")

    page = tmp_path / "docs" / "page.md"
    report = ["--results", str(tmp_path / "results"), "--page", str(page)]
    with pytest.raises(SystemExit, match="evaluation_report"):
        evaluation_report.main([*report, "--check"])
    evaluation_report.main(report)
    evaluation_report.main([*report, "--check"])
    text = page.read_text("utf-8")
    for words in ("| `full` |", "| `windowed` |", "passkey", "replace", "Middlemarch"):
        assert words in text
    assert (page.parent / "images" / "evaluation_context.svg").exists()
    assert "no limit" in text


def test_the_page_says_what_the_records_say():
    evaluation_report.main(["--check"])


def test_a_record_keeps_rows_of_numbers_on_a_line():
    content = {"row": [1, 2.5, -3e-05], "rows": [[1], [2]], "words": ["a"]}
    text = as_json(content)
    assert "[ 1, 2.5, -3e-05 ]" in text
    assert json.loads(text) == content


def test_records_of_another_schema_are_refused(tmp_path):
    (tmp_path / "old.json").write_text('{"schema": 0}')
    with pytest.raises(ValueError, match="schema=0"):
        read_records(tmp_path)


def test_sets_of_texts_are_named_with_their_source(monkeypatch):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)
    text_set = load_text_set("books-en")
    assert sample("middlemarch").text.encode() in text_set.texts
    with pytest.raises(ValueError, match="`name`"):
        load_text_set("books")
    with pytest.raises(ValueError, match="`wikitext2`"):
        load_text_set("wikitext2")
