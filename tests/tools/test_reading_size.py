"""tools.reading_size, on the package itself. Costs two seconds."""

import pytest

from tools.reading_size import ROOT, defining_module, main, reached_files

READER = "longkeras.conversion.from_huggingface"
PATTERN = "longkeras.patterns.BandedPattern"


def names(dotted_name, with_strings=False):
    files = reached_files(dotted_name, with_strings)
    return {str(file.relative_to(ROOT / "longkeras")) for file in files}


def test_a_name_is_followed_through_the_package_that_exports_it():
    assert defining_module(PATTERN) == "longkeras.patterns.banded_pattern"
    assert "patterns/banded_pattern.py" in names(PATTERN)
    assert not any(name.endswith("__init__.py") for name in names(PATTERN))


def test_imports_inside_functions_are_followed(tmp_path, monkeypatch):
    monkeypatch.setattr("tools.reading_size.ROOT", tmp_path)
    package = tmp_path / "longkeras"
    package.mkdir()
    (package / "first.py").write_text(
        "def f():\n    from longkeras.second import g\n    return g\n"
    )
    (package / "second.py").write_text("def g():\n    import numpy\n")
    files = reached_files("longkeras.first.f", with_strings=False)
    assert [file.name for file in files] == ["first.py", "second.py"]


def test_names_in_strings_are_followed_only_where_they_are_wanted():
    task = "longkeras.models.LongformerTextClassifier"
    only_named = names(task, with_strings=True) - names(task)
    assert "conversion/read.py" in only_named


def test_a_name_that_is_not_ours_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["numpy.ndarray"])
    assert "Received: numpy.ndarray" in capsys.readouterr().err


def test_both_counts_are_printed(capsys):
    assert main([PATTERN, "--files"]) == 0
    output = capsys.readouterr().out
    assert "lines by imports" in output
    assert "longkeras/patterns/banded_pattern.py" in output
