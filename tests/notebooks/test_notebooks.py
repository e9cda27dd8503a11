"""Each notebook is its source, compiles, and runs to its end."""

import json
import os
import subprocess
import sys

import pytest

from tools.notebooks import NOTEBOOKS, ROOT, cells_of, main, notebook

SOURCES = sorted(NOTEBOOKS.glob("*.py"))


def test_cells_are_told_apart_and_lose_their_comment_signs():
    source = (
        "# left out\n\n# %% [markdown]\n# # Title\n#\n# Text\n\n\n# %%\nx = 1\n# y\n"
    )
    assert cells_of(source) == [
        ("markdown", "# Title\n\nText"),
        ("code", "x = 1\n# y"),
    ]


def test_an_empty_cell_stays_empty():
    assert cells_of("# %%\n\n# %%\n1\n") == [("code", ""), ("code", "1")]


def test_the_notebooks_are_those_of_their_sources():
    assert SOURCES
    assert main([]) == 0


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_has_the_cells_of_its_source(path):
    content = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    found = [(cell["cell_type"], "".join(cell["source"])) for cell in content["cells"]]
    assert found == cells_of(path.read_text(encoding="utf-8"))
    code = "\n\n".join(text for kind, text in found if kind == "code")
    compile(code, str(path), "exec")


def test_a_source_that_changed_is_noticed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tools.notebooks.NOTEBOOKS", tmp_path)
    source = tmp_path / "a.py"
    source.write_text("# %%\n1\n", encoding="utf-8")
    assert main([]) == 1
    assert "--write" in capsys.readouterr().err
    assert main(["--write"]) == 0
    assert main([]) == 0
    assert (tmp_path / "a.ipynb").read_text(encoding="utf-8") == notebook("# %%\n1\n")
    source.write_text("# %%\n2\n", encoding="utf-8")
    assert main([]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end_at_the_smallest_size(path, tmp_path):
    environment = {
        **os.environ,
        "LONGKERAS_NOTEBOOK_SIZE": "tiny",
        "LONGKERAS_DATA": "",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(tmp_path),
    }
    run = subprocess.run(
        [sys.executable, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert "most likely:" in run.stdout
