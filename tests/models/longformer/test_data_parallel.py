"""Batches spread over several devices give the training of one device."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.multiprocess,
    pytest.mark.skipif(
        importlib.util.find_spec("jax") is None, reason="needs several devices of JAX"
    ),
]


def trained_on(count):
    done = subprocess.run(
        [sys.executable, "-m", "tests.models.longformer.training_process", str(count)],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_four_devices_train_as_one_does():
    one, four = trained_on(1), trained_on(4)
    assert (one.pop("devices"), four.pop("devices")) == (1, 4)
    assert one["losses"][1] < one["losses"][0]
    for name, expected in one.items():
        np.testing.assert_allclose(four[name], expected, atol=1e-4, err_msg=name)
