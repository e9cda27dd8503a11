"""LSTM layers compared with those of PyTorch and Keras."""

from benchmarks.contestants.recurrent_setting import TASKS, RecurrentSetting
from benchmarks.recurrent_targets import LENGTH, evaluate
from benchmarks.registry import Case, Contestant

__all__ = ["CASE", "TASKS", "prepare"]

_KERAS = "benchmarks.contestants.keras_recurrent"


def _of_keras(title, backend):
    return Contestant(title, _KERAS, {"KERAS_BACKEND": backend})


CONTESTANTS = {
    "ours_tensorflow": _of_keras("longkeras, TensorFlow's graph", "tensorflow"),
    "ours_tensorflow_xla": _of_keras("longkeras, TensorFlow's XLA", "tensorflow"),
    "ours_jax": _of_keras("longkeras, JAX", "jax"),
    "torch": Contestant(
        "`torch.nn.LSTM`", "benchmarks.contestants.torch_recurrent", is_eager=True
    ),
    "keras_tensorflow": _of_keras("Keras, TensorFlow's graph", "tensorflow"),
    "keras_tensorflow_xla": _of_keras("Keras, TensorFlow's XLA", "tensorflow"),
    "keras_jax": _of_keras("Keras, JAX", "jax"),
}


def prepare(contestant, **point):
    """One point, in this process; see `RecurrentSetting`."""
    return CONTESTANTS[contestant].prepare(contestant=contestant, **point)


def required_bytes(contestant, **point):
    """Libraries, weights, gradients, and the activations kept by every step."""
    setting = RecurrentSetting(contestant=contestant, **point)
    weights = 8 * setting.num_layers * setting.units**2
    kept = 16 * setting.num_layers * setting.batch * setting.length * setting.units
    return 2**29 + 4 * (4 * weights + 2 * kept)


def _points(length=LENGTH, **sizes):
    for task in TASKS:
        for contestant in CONTESTANTS:
            yield {
                "group": task,
                "heat": task,
                "contestant": contestant,
                "task": task,
                "length": length,
                "reach": None,
                **sizes,
            }


CASE = Case(
    title="Recurrent layers, side by side",
    description=(
        "Two LSTM layers of 650 units on 20 sequences of 35 steps with 650 inputs per "
        "step, float32, without dropout or padding: "
        "`longkeras.layers.RecurrentStack`, `torch.nn.LSTM` (eager, in its preferred "
        "time-major layout) and `keras.layers.LSTM`. *Training* computes the outputs "
        "and the gradients of inputs and weights, without an optimizer. All were "
        "timed in turns, each in its own process, which is idle while the others run; "
        "*×* is the ratio of the median time to that of longkeras in a TensorFlow "
        "graph. *Memory* is the rise in resident memory during a call; TensorFlow's "
        "includes what oneDNN's allocator keeps."
    ),
    tests=(
        "tests/ops/test_recurrent_scan.py",
        "tests/benchmarks/test_recurrent.py",
        # Includes PyTorch's.
        "-m",
        "not (slow or browser or multiprocess)",
    ),
    points=tuple(_points()),
    smoke_points=tuple(_points(5, batch=2, units=4)),
    prepare=prepare,
    required_bytes=required_bytes,
    contestants=CONTESTANTS,
    evaluate=evaluate,
)
