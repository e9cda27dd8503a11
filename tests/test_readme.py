"""The README tells the truth: its examples run, its table is the manifest's."""

import re

import pytest

from tests.contracts.sources import ROOT
from tools.readme_table import README, readme_with_table

TEXT = README.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def marks_of(example):
    """To train and to generate compiles for a minute: the long suite does."""
    return [pytest.mark.slow] if ".fit(" in example else []


@pytest.mark.parametrize(
    "number",
    [pytest.param(i, marks=marks_of(text)) for i, text in enumerate(EXAMPLES)],
)
def test_its_examples_run(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(EXAMPLES[number], f"README example {number}", "exec"), {})


def test_the_first_example_is_short():
    lines = [line for line in EXAMPLES[0].splitlines() if line.strip()]
    assert len(lines) <= 17


def test_the_table_is_the_manifests():
    assert readme_with_table() == TEXT, "run `make golden`"


def test_the_commands_it_names_are_targets():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)", TEXT)) <= targets


def test_what_it_links_to_is_there():
    links = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_folders_it_names_are_there():
    named = re.findall(r"^\| `([\w/.]+)`(?:, `([\w/.]+)`)? \|", TEXT, re.MULTILINE)
    paths = [path for pair in named for path in pair if path and path[:1] != "_"]
    folders = [path for path in paths if path.islower()]
    assert folders
    assert not [path for path in folders if not (ROOT / path).exists()]
