"""`make app` on a machine it cannot use says why, in words."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.contracts.sources import ROOT

SCRIPT = ROOT / "tools/prepare_environment.sh"
SHELL_TOOLS = ("cat", "cmp", "cp", "dirname", "sh")


@pytest.fixture
def machine(tmp_path):
    """A folder to be the whole of PATH, and a way to put programs into it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in SHELL_TOOLS:
        (programs / tool).symlink_to(shutil.which(tool))

    def add(name, *lines):
        (programs / name).write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
        (programs / name).chmod(0o755)

    add.path = tmp_path
    return add


def old_python(version):
    """What a Python of that version answers to the two questions it is asked."""
    return [f'if [ "$1" = "-c" ]; then exit 1; fi; echo "Python {version}"']


def prepare(machine, layer, **more):
    environment = {
        "PATH": str(machine.path / "bin"),
        "VENV": str(machine.path / "venv"),
    }
    return subprocess.run(
        ["sh", str(SCRIPT), layer],
        cwd=ROOT,
        env={**environment, **more},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("version", ["3.10.4", "3.14.0"])
def test_an_unsupported_python_is_named(machine, version):
    machine("python3", *old_python(version))
    done = prepare(machine, "app")
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert f"Python {version}" in done.stderr
    assert not (machine.path / "venv").exists()


def test_no_python_at_all_is_said(machine):
    done = prepare(machine, "app")
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13, and none was found" in done.stderr


def test_a_stand_in_that_refuses_to_run_is_passed_over(machine):
    machine("python3.11", "exit 127")
    machine("python3.13", f'exec {sys.executable} "$@"')
    # Stops at the first thing after: the environment cannot be made here.
    machine("python3", "exit 127")
    done = prepare(machine, "app", VENV="/proc/no-such-place/venv")
    assert "Creating /proc/no-such-place/venv with Python 3." in done.stdout
    assert "cannot create virtual environments" in done.stderr


@pytest.mark.parametrize(
    ("active", "more", "chosen"),
    [
        ("active", {}, "active"),
        ("too old", {}, "other"),
        ("active", {"BASE_PYTHON": "python3.12"}, "other"),
    ],
)
def test_the_active_python_comes_first(machine, active, more, chosen):
    usable = 'if [ "$1" = "-c" ]; then exit 0; fi; echo "Python 3.12.{}"'
    lines = old_python("3.10.4") if active == "too old" else [usable.format("active")]
    machine("python3", *lines)
    machine("python3.12", usable.format("other"))
    done = prepare(machine, "app", **more)
    assert f"with Python 3.12.{chosen}" in done.stdout


def test_an_environment_of_another_python_is_named(machine):
    inside = machine.path / "venv" / "bin"
    inside.mkdir(parents=True)
    (inside / "python").write_text("\n".join(["#!/bin/sh", *old_python("3.9.2")]))
    (inside / "python").chmod(0o755)
    done = prepare(machine, "app")
    assert done.returncode == 1
    assert "holds Python 3.9.2" in done.stderr
    assert "make distclean" in done.stderr


def test_the_long_suite_asks_for_a_browser_first(machine):
    done = prepare(machine, "check")
    assert done.returncode == 1
    assert "apt-get install chromium fonts-noto-cjk" in done.stderr


def test_nothing_is_done_where_everything_is_installed(machine):
    inside = machine.path / "venv" / "bin"
    inside.mkdir(parents=True)
    os.symlink(sys.executable, inside / "python")
    shutil.copy(ROOT / "requirements/app.lock", machine.path / "venv" / ".stamp-app")
    done = prepare(machine, "app")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
