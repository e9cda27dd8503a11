"""A training process that is killed, for real, and started again."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Each starts a process anew: `KILLS=20` for all that was promised, with `XLA=1` as the
# shipped models are trained.
KILLS = int(os.environ.get("KILLS", "1"))
EPOCH_STEPS = 4
# Three stages of whole epochs, and enough of them for every kill to find one.
STEPS = 3 * EPOCH_STEPS * max(5, KILLS)
PATIENCE = 600  # Seconds.

pytestmark = [pytest.mark.slow, pytest.mark.multiprocess]


def start(folder):
    command = [sys.executable, "-m", "tests.training.tiny_configs"]
    command += ["--model", "tiny-window", "--output", str(folder)]
    command += ["--steps", str(STEPS), "--epoch-steps", str(EPOCH_STEPS)]
    command += ["--held-out-bytes", "64", "--stages", "3", "--optimizer", "muon"]
    command += ["--shards", str(folder / "shards")]
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


def kill_after(folder, epochs, delay):
    """Start the run, and kill it that many seconds after it has saved these epochs."""
    step = min(steps_saved(folder) + epochs * EPOCH_STEPS, STEPS)
    process = start(folder)
    deadline = time.monotonic() + PATIENCE
    while steps_saved(folder) < step:
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    # A run that was quicker than the kill is a run that was left alone.
    assert process.returncode in (-signal.SIGKILL, 0)
    return process.returncode == -signal.SIGKILL


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


def test_a_run_killed_at_random_ends_as_one_that_was_left_alone(tmp_path):
    finish(tmp_path / "whole")
    moments = random.Random(KILLS)
    killed = 0
    for _ in range(KILLS):
        # A checkpoint or two, and then anywhere: in a step, in a save, between stages.
        epochs, delay = moments.randint(1, 2), moments.uniform(0, 0.3)
        killed += kill_after(tmp_path / "killed", epochs, delay)
    assert killed > KILLS / 2
    finish(tmp_path / "killed")

    for file in ("checkpoint.weights.h5", "best.weights.h5"):
        whole, again = (
            contents(tmp_path / name / file) for name in ("whole", "killed")
        )
        assert set(whole) == set(again)
        for name, array in whole.items():
            np.testing.assert_array_equal(array, again[name], err_msg=name)
    histories = [
        json.loads((tmp_path / name / "history.json").read_text())
        for name in ("whole", "killed")
    ]
    assert histories[0] == histories[1]
    assert [row["step"] for row in histories[0]] == list(
        range(EPOCH_STEPS, STEPS + 1, EPOCH_STEPS)
    )
    for stage in (1, 2, 3):
        assert (tmp_path / "killed" / f"stage-{stage}" / "config.json").exists()
    log = (tmp_path / "killed" / "log.txt").read_text()
    assert log.count("starting at step") == KILLS + 1
