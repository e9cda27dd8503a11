"""Copies the shipped models into the package; all other settings: pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

MODELS = "saved_models"


class BuildWithModels(build_py):
    """Builds the package with the models that its page shows."""

    def run(self):
        super().run()
        # An editable installation finds them beside the package.
        if not self.editable_mode and Path(MODELS).is_dir():
            target = Path(self.build_lib, "longkeras", MODELS)
            shutil.copytree(MODELS, target, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithModels})
