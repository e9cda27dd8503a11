"""The evaluation from its command line to the page of its results."""

import json

import pytest

from longkeras import save_model
from longkeras.data import sample
from tests.evaluation.toy_models import CountingModel
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


class LimitedModel(CountingModel):
    def __init__(self):
        super().__init__(context_length=48)

    def count_params(self):
        return 0


def test_a_model_is_measured_recorded_and_reported(tmp_path, monkeypatch):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)
    save_model(small_model("lstm", num_layers=1), tmp_path / "lstm")
    more = ["--texts", "books-en"]
    run(tmp_path / "lstm", tmp_path / "results", *more, "--tasks", "bits")
    monkeypatch.setattr(evaluate, "load_model", lambda path: LimitedModel())
    run(tmp_path / "limited", tmp_path / "results", *more)
    limited, lstm = read_records(tmp_path / "results")

    assert lstm["schema"] == SCHEMA
    assert lstm["model"]["theoretical_reach"] is None
    assert lstm["settings"]["truncations"] == [4, 16, 40, 64]
    assert {"keras", "numpy", "python"} <= set(lstm["versions"])
    (bits,) = lstm["measurements"]
    assert bits["num_bytes"] == 200 * len(load_text_set("books-en").texts)
    assert bits["protocol"].startswith("streaming")

    tasks = [one["task"] for one in limited["measurements"]]
    assert tasks == ["bits", "positions", "context", "context", "context", "recall"]
    bits, positions, truncated, *_, recalled = limited["measurements"]
    assert bits["protocol"].startswith("strided")
    assert [one["end"] for one in positions["bins"]] == [16, 32]
    # It reads 48 bytes: 40 of context, and 8 more. All of them is no truncation.
    assert limited["model"]["theoretical_reach"] == 47
    assert truncated["context_length"] == 40
    assert [one["distance"] for one in truncated["changes"]] == [4, 16]
    assert len(truncated["bits_by_place"]) == 3
    assert recalled["scores"][0]["count"] == 2

    page = tmp_path / "docs" / "page.md"
    report = ["--results", str(tmp_path / "results"), "--page", str(page)]
    with pytest.raises(SystemExit, match="evaluation_report"):
        evaluation_report.main([*report, "--check"])
    evaluation_report.main(report)
    evaluation_report.main([*report, "--check"])
    text = page.read_text("utf-8")
    for words in ("| `lstm` |", "| `limited` |", "passkey", "replace", "Middlemarch"):
        assert words in text
    assert (page.parent / "images" / "evaluation_context.svg").exists()
    assert "no limit" in text


@pytest.mark.slow
def test_a_protocol_has_a_record_of_its_own(tmp_path, monkeypatch):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)
    save_model(small_model("lstm", num_layers=1), tmp_path / "lstm")
    more = ["--texts", "books-en", "--tasks", "bits"]
    strided = ["--protocol", "strided", "--context-length", 64, "--stride", 32]
    for protocol in ([], strided):
        run(tmp_path / "lstm", tmp_path / "results", *more, *protocol)

    names = {path.name for path in (tmp_path / "results").iterdir()}
    assert names == {"lstm.books-en.json", "lstm.books-en.strided.json"}
    bits = {
        record["measurements"][0]["protocol"].split(":")[0]
        for record in read_records(tmp_path / "results")
    }
    assert bits == {"streaming", "strided"}


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
