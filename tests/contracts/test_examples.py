"""Every example in a docstring runs: `>>>` lines and fenced Python alike."""

import ast
import doctest
import importlib
import inspect
import re

import pytest

from tests.contracts.sources import package_sources

FENCED = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef


def docstrings_with_examples(source):
    for node in ast.walk(source.tree):
        if isinstance(node, DOCUMENTED):
            text = ast.get_docstring(node) or ""
            if ">>>" in text or "```python" in text:
                yield getattr(node, "name", source.module), text + "\n"


SOURCES = [
    source for source in package_sources() if any(docstrings_with_examples(source))
]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.place)
def test_its_examples_run(source, tmp_path, monkeypatch):
    module = importlib.import_module(source.module)
    monkeypatch.chdir(tmp_path)
    for name, text in docstrings_with_examples(source):
        for block in FENCED.findall(text):
            code = compile(inspect.cleandoc(block), f"<example of {name}>", "exec")
            exec(code, {"__name__": "example"})
        run_doctest(text, dict(vars(module)), name, source)


def run_doctest(text, names, name, source):
    parser = doctest.DocTestParser()
    example = parser.get_doctest(text, names, name, str(source.path), None)
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    report: list[str] = []
    runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)
