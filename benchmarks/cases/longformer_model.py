"""Longformer text classifier of base size, compared with Hugging Face's."""

from benchmarks.contestants.longformer_model_setting import TASKS, ModelSetting
from benchmarks.longformer_model_targets import (
    LENGTH,
    NARROW,
    NUM_LAYERS,
    WIDE,
    evaluate,
)
from benchmarks.registry import Case, Contestant

__all__ = ["CASE", "TASKS", "prepare"]

_KERAS = "benchmarks.contestants.keras_longformer_model"
CONTESTANTS = {
    "ours_tensorflow": Contestant(
        "longkeras, TensorFlow", _KERAS, {"KERAS_BACKEND": "tensorflow"}
    ),
    "huggingface": Contestant(
        "Hugging Face Longformer",
        "benchmarks.contestants.torch_longformer_model",
        is_eager=True,
    ),
}
_SMALL = {
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "vocabulary_size": 60,
}


def prepare(contestant, **point):
    """One point, in this process; see `ModelSetting`."""
    return CONTESTANTS[contestant].prepare(contestant=contestant, **point)


def required_bytes(contestant, **point):
    """Libraries, several copies of the weights, and activations kept for gradients."""
    setting = ModelSetting(contestant=contestant, **point)
    weights = 4 * setting.parameters()
    if setting.task == "loading":
        return 2**30 + 3 * weights
    keys = 2 * setting.reach + 1
    states = 12 * setting.hidden_dim + 3 * setting.intermediate_dim
    if contestant == "huggingface":
        states += 2 * setting.num_heads * keys
    layer = 4 * setting.batch * setting.length * states
    if setting.task == "forward":
        return 2**30 + 2 * weights + 2 * layer
    return 2**30 + 4 * weights + setting.num_layers * layer


def _points(reaches=(WIDE, NARROW), length=LENGTH, **sizes):
    """The points, with the windows of one task next to each other for comparison."""
    for task in ("forward", "training"):
        for reach in reaches:
            yield from _heat(f"window {2 * reach}", task, reach, length, sizes)
    yield from _heat("loading", "loading", reaches[0], length, sizes)


def _heat(group, task, reach, length, sizes):
    for contestant in CONTESTANTS:
        yield {
            "group": group,
            "heat": task,
            "contestant": contestant,
            "task": task,
            "length": length,
            "reach": reach,
            "num_layers": NUM_LAYERS,
            **sizes,
        }


CASE = Case(
    title="Longformer base model",
    description=(
        "A text classifier with 12 layers, hidden size 768, 12 heads, intermediate "
        "size 3,072 and a vocabulary of 50,265 tokens, random weights, float32, on "
        "one text of 4,096 tokens whose first token is global. "
        "`longkeras.models.LongformerTextClassifier`, compiled with its defaults (a "
        "TensorFlow graph in which attention is a single XLA program), is compared "
        "with Hugging Face's `LongformerForSequenceClassification`, eager on PyTorch. "
        "*Training* is one AdamW step with the default dropout of both, 0.1. The two "
        "were timed in turns after one warm-up call each. Every time and memory value "
        "comes from a fresh process, and *memory* is the peak of that whole process, "
        "including libraries, weights, optimizer and compilation. *Loading* is the "
        "first load in a process, after importing the libraries, of one safetensors "
        "file that is in the operating system's cache."
    ),
    tests=(
        "tests/models/longformer/test_parity.py",
        "tests/benchmarks/test_longformer_model_contestants.py",
        # Includes Hugging Face's.
        "-m",
        "not (slow or browser or multiprocess)",
    ),
    points=tuple(_points()),
    smoke_points=tuple(_points((8, 4), 64, **_SMALL)),
    prepare=prepare,
    required_bytes=required_bytes,
    contestants=CONTESTANTS,
    groups_called_once=("loading",),
    has_fresh_processes=True,
    least_turns=2,
    evaluate=evaluate,
)
