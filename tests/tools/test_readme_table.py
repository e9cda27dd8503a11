"""The README's table says what the manifest says, and nothing more."""

import json

from tools.readme_table import table


def write_manifest(folder, **scores):
    model = {
        "name": "byte-lstm",
        "path": "byte-lstm",
        "title": "Stacked LSTM",
        "family": "lstm",
        "task": "RecurrentCausalLM",
        "parameters": 2345678,
        "sha256": {"model.weights.h5": "0" * 64},
        "scores": scores,
        "data": [{"name": "Old books", "licence": "public domain"}],
        "date": "2026-01-02",
        "bytes_seen": 16_400_000,
    }
    (folder / "manifest.json").write_text(json.dumps({"models": [model]}))


def test_a_row_shows_a_models_facts(tmp_path):
    write_manifest(tmp_path, en=2.1234, zh=2.5, protocol="streaming")
    row = table(tmp_path).splitlines()[2]
    assert row == ("| Stacked LSTM (`byte-lstm`) | 2,345,678 | 16 MB | 2.12 | 2.50 |")


def test_protocol_data_and_date_stand_under_it(tmp_path):
    write_manifest(tmp_path, en=2.0, en_bytes=400_000, protocol="streaming")
    notes = table(tmp_path)
    assert "- `byte-lstm`: streaming (400 kB English)" in notes
    assert "Trained on Old books (public domain)." in notes
    assert "Trained 2026-01-02." in notes


def test_a_number_that_nobody_measured_is_not_shown(tmp_path):
    write_manifest(tmp_path, en=2.0)
    assert "| 2.00 | not measured |" in table(tmp_path)


def test_without_a_manifest_there_is_no_table(tmp_path):
    assert table(tmp_path) == ""
