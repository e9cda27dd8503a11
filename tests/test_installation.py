"""What `pip install .` puts into place: modules, and the files that they read."""

import fnmatch
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "longkeras"
SETTINGS_READ = ("requirements.txt", "README.md", "LICENSE")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
USE = """
import longkeras
from longkeras.app.strings import all_strings
from longkeras.data import samples
from longkeras.serving import ModelRegistry
assert ModelRegistry().names()
assert all_strings()
assert all(item.text for item in samples())
print(longkeras.__file__)
"""


def package_files():
    return [
        path.relative_to(PACKAGE)
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]


def test_every_file_beside_the_modules_is_package_data():
    patterns = SETTINGS["tool"]["setuptools"]["package-data"]["*"]
    endings = [pattern.removeprefix("**/") for pattern in patterns]
    others = [path for path in package_files() if path.suffix != ".py"]
    assert others
    left_out = [
        path
        for path in others
        if not any(fnmatch.fnmatch(path.name, ending) for ending in endings)
    ]
    assert not left_out


def test_every_folder_with_modules_is_a_package():
    folders = {path.parent for path in package_files() if path.suffix == ".py"}
    assert not [x for x in folders if not (PACKAGE / x / "__init__.py").is_file()]


@pytest.mark.slow
def test_an_installed_package_works_outside_the_folder(tmp_path):
    source, target = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    shutil.copytree(PACKAGE, source / "longkeras")
    for name in ("pyproject.toml", "setup.py", *SETTINGS_READ):
        shutil.copy(ROOT / name, source)
    # Their list stands for the models themselves, which take seconds to copy.
    (source / "saved_models").mkdir()
    shutil.copy(ROOT / "saved_models" / "manifest.json", source / "saved_models")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    options = ["--no-build-isolation", "--no-index", "--target", str(target)]
    subprocess.run([*install, *options, str(source)], check=True)
    shutil.rmtree(source)
    installed = {
        path.relative_to(target / "longkeras")
        for path in (target / "longkeras").rglob("*")
    }
    assert set(package_files()) <= installed
    result = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env={"PYTHONPATH": str(target), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == str(target / "longkeras" / "__init__.py")
    command = [sys.executable, str(target / "bin" / "longkeras"), "--help"]
    environment = {"PYTHONPATH": str(target), "PATH": ""}
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    )
    assert "--models DIR" in result.stdout
