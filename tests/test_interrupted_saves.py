"""Saves that are killed or run out of space, for real: the old model stays whole."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from keras import ops

from longkeras import load_model
from tests.saving_process import FORMS, LIMITS, large_model

ROOT = pathlib.Path(__file__).resolve().parents[1]
KILLS = 2
PATIENCE = 600  # Seconds.

pytestmark = [pytest.mark.slow, pytest.mark.multiprocess]


def start(how, folder):
    command = [sys.executable, "-m", "tests.saving_process", how, str(folder)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def blank():
    return large_model()


def value_in(path, blank):
    """The one value that every weight of a saved model has."""
    model = blank
    if path.name == "model.weights.h5":
        model.load_weights(path)
    else:
        model = load_model(path)
    values = {
        float(each)
        for weight in model.trainable_variables
        for each in np.unique(ops.convert_to_numpy(weight))
    }
    assert len(values) == 1, f"{path.name} holds parts of several: {values}"
    return values.pop()


def test_a_killed_save_leaves_a_whole_model(tmp_path, blank):
    moments = random.Random(0)
    for _ in range(KILLS):
        process = start("killed", tmp_path)
        # The first round is complete: from then on there is an old model to lose.
        assert process.stdout.readline() == "0\n", process.stderr.read()
        assert process.stdout.readline() == "1\n"
        time.sleep(moments.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        told, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == -signal.SIGKILL
        last = max([1, *map(int, told.split())])
        for name in FORMS:
            assert value_in(tmp_path / name, blank) in (last, last + 1), name


def test_a_save_without_space_leaves_the_old_model(tmp_path, blank):
    process = start("starved", tmp_path)
    told, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    failed = {(name, limit) for name, limit, _ in json.loads(told)}
    assert failed == {(name, limit) for name in FORMS for limit in LIMITS}
    for name in FORMS:
        assert value_in(tmp_path / name, blank) == 1
    assert sorted(os.listdir(tmp_path)) == sorted(FORMS)
