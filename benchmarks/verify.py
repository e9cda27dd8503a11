"""The tests that stand before the numbers."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


def verify(case):
    """Run the case's tests on the backend in use, and refuse to go on if they fail.

    Args:
        case: `benchmarks.registry.Case`.

    Raises:
        RuntimeError: If a test fails: what is wrong need not be fast.
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
