"""What is predicted of a step, beside what a process takes for it."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.multiprocess
def test_a_step_takes_about_what_was_predicted():
    command = [sys.executable, "-m", "tests.fitting.memory_process"]
    answer = subprocess.run(
        [*command, "byte-lstm", "512", "16"],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(answer.stdout.splitlines()[-1])
    if told["measured"] is None:
        pytest.skip("this system does not tell a process' peak of memory")
    assert 0.5 < told["measured"] / told["predicted"] < 3, told
