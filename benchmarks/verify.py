"""Tests that must pass before a case is measured."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


def verify(case):
    """Run the tests of a case on the current backend.

    Args:
        case: `benchmarks.registry.Case`.

    Raises:
        RuntimeError: If a test fails.
    """
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", *case.tests]
    answer = subprocess.run(
        command, cwd=_ROOT, env=os.environ, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise RuntimeError(
            f"No numbers while the tests fail: {' '.join(case.tests)}\n"
            f"{answer.stdout[-3000:]}{answer.stderr[-1000:]}"
        )
