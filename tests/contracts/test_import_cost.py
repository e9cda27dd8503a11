"""What an import may bring with it, measured in an interpreter of its own."""

import os
import subprocess
import sys

import pytest

from tests.contracts.sources import PACKAGE, ROOT

HEAVY = ("gradio", "jax", "keras", "keras_hub", "tensorflow", "torch")


def modules_loaded_by(*packages: str, backend: str = "tensorflow") -> set[str]:
    code = "import sys\n" + "".join(f"import {name}\n" for name in packages)
    code += f"print(*[name for name in {HEAVY} if name in sys.modules])"
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def existing(*names: str) -> list[str]:
    return [f"longkeras.{name}" for name in names if (PACKAGE / name).is_dir()]


def test_importing_longkeras_loads_nothing_heavy():
    assert modules_loaded_by("longkeras") == set()


def test_importing_patterns_loads_nothing_heavy():
    assert modules_loaded_by("longkeras.patterns") == set()


@pytest.mark.multiprocess
def test_below_models_nothing_loads_keras_hub_or_a_foreign_backend():
    packages = existing("ops", "layers", "data", "evaluation")
    loaded = modules_loaded_by(*packages, backend="jax")
    assert loaded <= {"jax", "keras"}


@pytest.mark.multiprocess
def test_only_the_page_loads_gradio():
    packages = existing("models", "fitting", "serving", "text", "data", "evaluation")
    assert "gradio" not in modules_loaded_by(*packages)
