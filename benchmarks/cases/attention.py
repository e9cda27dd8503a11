"""Attention ops of longkeras compared with those of other libraries.

Measures `longkeras.ops.banded_attention` and `longformer_attention`. All contestants
with the same visible keys give the same output (tests/benchmarks/test_contestants.py).
"""

from benchmarks.attention_targets import evaluate
from benchmarks.contestants.setting import Setting
from benchmarks.registry import Case, Contestant

REACHES = (32, 256)
LENGTHS = (1024, 4096, 16384)
SHORT_LENGTHS = (32, 64, 128, 256, 512, 1024, 2048, 4096, 16384)
LONG_LENGTHS = (1024, 4096, 16384, 65536)
GLOBALS = (1, 64)
WIDENING_REACHES = (32, 64, 128, 256, 512)
# Length in the groups that vary something else, and in the targets.
LENGTH = 4096
# Limit for contestants that hold all scores, more than once in the gradient.
LONGEST_FULL_TRAINING = 4096

_KERAS = "benchmarks.contestants.keras_attention"
_TORCH = "benchmarks.contestants.torch_attention"
_TENSORFLOW = {
    "environment": {"KERAS_BACKEND": "tensorflow"},
    # oneDNN's allocator keeps freed memory, which would hide the rise.
    "memory_environment": {"TF_ENABLE_ONEDNN_OPTS": "0"},
}
CONTESTANTS = {
    "ours_tensorflow": Contestant("longkeras, TensorFlow", _KERAS, **_TENSORFLOW),
    "ours_jax": Contestant("longkeras, JAX", _KERAS, {"KERAS_BACKEND": "jax"}),
    "ours_torch": Contestant(
        "longkeras, PyTorch", _KERAS, {"KERAS_BACKEND": "torch"}, is_eager=True
    ),
    "huggingface": Contestant("Hugging Face Longformer", _TORCH, is_eager=True),
    "flex": Contestant("PyTorch FlexAttention", _TORCH),
    "sdpa": Contestant("PyTorch SDPA, full", _TORCH, is_eager=True),
    "window_tensorflow": Contestant(
        "Keras sliding_window, TensorFlow", _KERAS, **_TENSORFLOW
    ),
    "dense_tensorflow": Contestant(
        "Keras dense mask, TensorFlow", _KERAS, **_TENSORFLOW
    ),
    "full_tensorflow": Contestant("Keras full, TensorFlow", _KERAS, **_TENSORFLOW),
}
_OURS = ("ours_tensorflow", "ours_jax", "ours_torch")
_FULL = ("sdpa", "full_tensorflow")


def prepare(contestant, **point):
    """One point, in this process; see `benchmarks.contestants.setting.Setting`."""
    return CONTESTANTS[contestant].prepare(contestant=contestant, **point)


def required_bytes(contestant, **point):
    """Several copies of the inputs, and the scores that a contestant holds at once."""
    setting = Setting(contestant=contestant, **point)
    if setting.task == "matmul":
        return 3 * 4 * setting.length**2
    row = 4 * setting.num_heads * setting.length
    inputs = setting.num_heads * 4 * setting.head_dim * setting.length
    library = contestant.partition("_")[0]
    copies = 5 if setting.is_training else 3
    scores = {
        "huggingface": row * (2 * (setting.reach or 0) + 1) * (copies + 2),
        "flex": 16 * setting.length**2,  # its block mask is made from all pairs
        "full": row * setting.length * copies,
        "dense": row * setting.length * copies,
        "window": row * setting.length * copies,
    }
    return 2**28 + 12 * inputs + scores.get(library, 0)


def _point(group, heat, contestant, task, length, reach=None, num_globals=0):
    return {
        "group": group,
        "heat": heat,
        "contestant": contestant,
        "task": task,
        "length": length,
        "reach": None if contestant in _FULL else reach,
        "num_globals": num_globals,
    }


def _ceilings(length=LENGTH):
    for contestant in ("ours_tensorflow", "ours_jax", "sdpa"):
        yield _point("ceilings", "matrix product", contestant, "matmul", length)


def _short_text(lengths=SHORT_LENGTHS, reaches=REACHES):
    for length in lengths:
        heat = f"forward, {length:,} tokens"
        yield _point("short text", heat, "full_tensorflow", "forward", length)
        for reach in reaches:
            yield _point(
                "short text", heat, "ours_tensorflow", "forward", length, reach
            )


def _everyone(task, lengths=LENGTHS, reaches=REACHES):
    """Contestants per point, without slow ones that no target needs."""
    for length in lengths:
        heat = f"{task}, {length:,} tokens"
        wide = reaches[-1:]
        runs = [
            ("ours_tensorflow", reaches),
            ("ours_jax", reaches),
            ("ours_torch", reaches if length <= LENGTH else ()),
            ("huggingface", reaches),
        ]
        if task == "forward":
            runs += [
                ("flex", reaches if length == LENGTH else wide),
                ("sdpa", wide),
                ("window_tensorflow", reaches if length == LENGTH else wide),
                ("dense_tensorflow", wide),
            ]
        else:
            runs += [("window_tensorflow", wide)]
            if length <= LONGEST_FULL_TRAINING:
                runs += [("sdpa", wide)]
        for contestant, contestant_reaches in runs:
            for reach in contestant_reaches:
                yield _point(task, heat, contestant, task, length, reach)


def _global_tokens(tasks=("forward", "training"), length=LENGTH, reaches=REACHES):
    for task in tasks:
        heat = f"{task}, {length:,} tokens"
        for contestant in ("ours_tensorflow", "huggingface"):
            for reach in reaches:
                for count in GLOBALS:
                    yield _point(
                        "global tokens", heat, contestant, task, length, reach, count
                    )


def _growing_length(lengths=LONG_LENGTHS):
    for task, reach in (("forward", 32), ("forward", 256), ("training", 32)):
        for length in lengths:
            heat = f"{task}, {reach} a side"
            yield _point("growing length", heat, "ours_tensorflow", task, length, reach)


def _growing_window(reaches=WIDENING_REACHES, length=LENGTH):
    for task in ("forward", "training"):
        for reach in reaches:
            heat = f"{task}, {length:,} tokens"
            yield _point("growing window", heat, "ours_tensorflow", task, length, reach)


CASE = Case(
    title="Attention, side by side",
    description=(
        "Batch size 1, 12 heads of size 64, float32. The implementations in a table "
        "were timed in turns, each in its own process, which is idle while the others "
        "run (15 ms between turns let OpenMP's threads go to sleep). *×* is the ratio "
        "of the median time to that of longkeras on TensorFlow with the same number "
        "of keys per side. *Training* computes the output and the gradients of all "
        "inputs. Only attention is timed: the projections are removed from Hugging "
        "Face's `LongformerSelfAttention` (except for one copy of the queries, which "
        "it divides in place) and from "
        "`keras.layers.MultiHeadAttention(sliding_window=)`, and each implementation "
        "gets its inputs in the layout it expects. Keras is compiled with XLA on "
        "TensorFlow and JAX and runs eagerly on PyTorch; FlexAttention runs under "
        "`torch.compile` (it has no gradient on CPUs). *Memory* is the peak resident "
        "memory during a call minus the resident memory before it, with program and "
        "inputs loaded, so it includes the output and the gradients. TensorFlow's "
        "memory is measured in a separate process without oneDNN, whose allocator "
        "keeps freed memory. Shares of the matrix product's rate count the operations "
        "in the definition of attention: two products over the keys that a query "
        "attends to, and five more for the gradients."
    ),
    tests=(
        "tests/ops/test_banded_attention.py",
        "tests/ops/test_linear_memory.py",
        "tests/benchmarks/test_contestants.py",
        # Includes PyTorch's contestants.
        "-m",
        "not (slow or browser or multiprocess)",
    ),
    points=(
        *_ceilings(),
        *_short_text(),
        *_everyone("forward"),
        *_everyone("training"),
        *_global_tokens(),
        *_growing_length(),
        *_growing_window(),
    ),
    groups_without_memory=("ceilings", "short text"),
    smoke_points=(
        *_ceilings(64),
        *_short_text((32,), (4,)),
        *_everyone("forward", (256,), (8,)),
        *_everyone("training", (256,), (8,)),
        *_global_tokens(("forward",), 256, (8,)),
        *_growing_length((64, 128)),
        *_growing_window((8, 16), 256),
    ),
    prepare=prepare,
    required_bytes=required_bytes,
    contestants=CONTESTANTS,
    evaluate=evaluate,
)
