"""A training process that is killed, for real, and started again."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEPS, EPOCH_STEPS = 60, 4
PATIENCE = 600  # Seconds.

pytestmark = [pytest.mark.slow, pytest.mark.multiprocess]


def start(folder):
    command = [sys.executable, "-m", "tests.training.tiny_contestants"]
    command += ["--model", "tiny-window", "--output", str(folder)]
    command += ["--steps", str(STEPS), "--epoch-steps", str(EPOCH_STEPS)]
    command += ["--held-out-bytes", "64"]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    environment.pop("LONGKERAS_DATA", None)
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def steps_saved(folder):
    path = folder / "history.json"
    return json.loads(path.read_text())[-1]["step"] if path.exists() else 0


def kill_after(folder, step):
    """Start the run, and kill it soon after it has saved that step."""
    process = start(folder)
    deadline = time.monotonic() + PATIENCE
    while steps_saved(folder) < step:
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def finish(folder):
    process = start(folder)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors.decode()


def contents(path):
    """Every array of a weights file: weights, moments and step."""
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                arrays.update({name: item[()]})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return arrays


def test_a_run_killed_twice_ends_as_one_that_was_left_alone(tmp_path):
    finish(tmp_path / "whole")
    kill_after(tmp_path / "killed", EPOCH_STEPS)
    kill_after(tmp_path / "killed", 5 * EPOCH_STEPS)
    assert steps_saved(tmp_path / "killed") < STEPS
    finish(tmp_path / "killed")

    whole, killed = (
        contents(tmp_path / name / "checkpoint.weights.h5")
        for name in ("whole", "killed")
    )
    assert set(whole) == set(killed)
    for name, array in whole.items():
        np.testing.assert_array_equal(array, killed[name], err_msg=name)
    histories = [
        json.loads((tmp_path / name / "history.json").read_text())
        for name in ("whole", "killed")
    ]
    assert histories[0] == histories[1]
    assert "starting at step 0" in (tmp_path / "killed" / "log.txt").read_text()
