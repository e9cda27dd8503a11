"""What one backend saved, the others read; under XLA and without, one step is one."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.models import LongformerTextClassifier
from tests.models.longformer.reading_process import contents_of
from tests.models.longformer.small_longformer import (
    draw_weights,
    random_inputs,
    small_backbone,
)

pytestmark = pytest.mark.slow
TOLERANCE = 2e-5
BACKENDS = ("tensorflow", "jax", "torch")  # each the name of its package too


def small_classifier():
    backbone = small_backbone(num_segments=2, attention_dilation=[1, 2])
    classifier = LongformerTextClassifier(backbone, num_classes=3, dropout=0.0)
    draw_weights(classifier)
    return classifier


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a model in both forms, and what it holds here."""
    folder = tmp_path_factory.mktemp("saved")
    classifier, inputs = small_classifier(), random_inputs()
    classifier.save(folder / "model.keras")
    classifier.save_to_preset(str(folder / "preset"))
    np.savez(folder / "inputs.npz", **inputs)
    return folder, contents_of(classifier, inputs)


@pytest.mark.multiprocess
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_reads_what_this_one_saved(saved, backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}")
    folder, expected = saved
    results = tmp_path / "results.npz"
    module = "tests.models.longformer.reading_process"
    subprocess.run(
        [sys.executable, "-m", module, str(folder), str(results)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        check=True,
    )
    with np.load(results) as file:
        found = dict(file)
    assert len(found) == 2 * len(expected)
    for name, x in found.items():
        of_here = expected[name.partition("/")[2]]
        if name.endswith("outputs") and backend != keras.backend.backend():
            np.testing.assert_allclose(x, of_here, atol=TOLERANCE, err_msg=name)
        else:
            np.testing.assert_array_equal(x, of_here, err_msg=name)


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="XLA is of TensorFlow and JAX"
)
def test_a_step_under_xla_is_the_step_without():
    results = []
    for jit_compile in (True, False):
        classifier = small_classifier()
        classifier.compile(keras.optimizers.SGD(0.1), jit_compile=jit_compile)
        history = classifier.fit(random_inputs(), np.array([0, 2]), verbose=0)
        weights = [ops.convert_to_numpy(x) for x in classifier.trainable_weights]
        results.append([np.array(history.history["loss"]), *weights])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=TOLERANCE)
