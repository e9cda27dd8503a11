"""Markers of the tests: required with LONGKERAS_REQUIRE_ALL=1, slow on a backend."""

import os
import subprocess
import sys

import pytest

from tests.contracts.sources import ROOT

# Each starts a pytest of its own.
pytestmark = pytest.mark.slow

PASSING = """
import pytest
@pytest.mark.browser
def test_browser(): pass
@pytest.mark.parity("pytest")
def test_parity(): pass
"""
SKIPPED = """
@pytest.mark.{marker}
def test_that_skips_itself():
    pytest.skip("it is not here")
"""
INCOMPARABLE = """
@pytest.fixture
def theirs():
    import no_such_package
@pytest.mark.parity("pytest", "no_such_package")
def test_theirs(theirs): pass
"""
SLOW_ON_TENSORFLOW = """
import pytest
@pytest.mark.slow_on("tensorflow")
def test_of_one_backend(): pass
def test_of_all(): pass
"""
MODULE = """
import pytest
pytest.importorskip("no_such_package")
"""


@pytest.fixture
def run(tmp_path):
    conftest = (ROOT / "tests/conftest.py").read_text(encoding="utf-8")
    (tmp_path / "conftest.py").write_text(conftest, encoding="utf-8")

    def run(*files, required=True, select=""):
        for i, content in enumerate(files):
            (tmp_path / f"test_{i}.py").write_text(content)
        markers = "markers=browser parity slow slow_on".replace(" ", "\n")
        settings = ["-q", "-c", os.devnull, "-o", markers, "-p", "no:cacheprovider"]
        settings += ["-m", select]
        environment = {
            **os.environ,
            "LONGKERAS_REQUIRE_ALL": "1" if required else "0",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *settings, str(tmp_path)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_all_that_runs_is_fine(run):
    assert run(PASSING)[0] == 0


@pytest.mark.parametrize("marker", ["browser", "parity"])
def test_a_skipped_test_fails(run, marker):
    code, output = run(PASSING + SKIPPED.format(marker=marker))
    assert code == 1
    assert "forbids it: Skipped: it is not here" in output


def test_a_parity_test_without_its_packages_fails(run):
    code, output = run(PASSING + INCOMPARABLE)
    assert code == 1
    assert "forbids it: Skipped: needs no_such_package" in output


def test_elsewhere_a_parity_test_without_its_packages_is_skipped(run):
    assert run(PASSING + INCOMPARABLE, required=False)[0] == 0


def test_a_skipped_test_of_another_kind_is_fine(run):
    assert run(PASSING + SKIPPED.format(marker="slow"))[0] == 0


def test_a_module_that_skips_itself_fails(run):
    code, output = run(PASSING, MODULE)
    assert code != 0
    assert "forbids it" in output


def test_a_run_without_such_tests_fails(run):
    code, output = run("def test_nothing(): pass")
    assert code != 0
    assert "no test marked `browser` was selected" in output


def test_elsewhere_skipping_is_fine(run):
    assert (
        run(PASSING + SKIPPED.format(marker="parity"), MODULE, required=False)[0] == 0
    )


@pytest.mark.parametrize(("backend", "passed"), [("jax", 2), ("tensorflow", 1)])
def test_a_test_is_slow_on_the_backends_that_its_marker_names(
    run, backend, passed, monkeypatch
):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    code, output = run(SLOW_ON_TENSORFLOW, required=False, select="not slow")
    assert code == 0
    assert f"{passed} passed" in output
