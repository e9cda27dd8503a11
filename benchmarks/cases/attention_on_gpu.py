"""Attention ops on an NVIDIA GPU, compared with those of JAX and PyTorch.

The contestants also run on a CPU at the sizes of `smoke_points`, as a test of the code;
the numbers are meaningful only on a GPU.
"""

from benchmarks.attention_targets import evaluate_on_gpu
from benchmarks.cases import attention
from benchmarks.contestants.setting import Setting
from benchmarks.registry import Case, Contestant

# The same number of tokens at every length: short texts come in larger batches.
TOKENS = 65536
LENGTHS = (4096, 16384, 65536)
REACHES = (32, 256)
MATMUL_LENGTH, COPY_LENGTH = 8192, 16384
# JAX takes three quarters of a GPU at once unless told otherwise.
_JAX = {"KERAS_BACKEND": "jax", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
CONTESTANTS = {
    "ours_jax": Contestant(
        "longkeras, JAX", attention.CONTESTANTS["ours_jax"].module, _JAX
    ),
    "ours_torch": attention.CONTESTANTS["ours_torch"],
    "cudnn_jax": Contestant("JAX cuDNN", "benchmarks.contestants.jax_attention", _JAX),
    "flex": attention.CONTESTANTS["flex"],
    "sdpa": attention.CONTESTANTS["sdpa"],
}


def prepare(contestant, **point):
    """One point, in this process; see `benchmarks.contestants.setting.Setting`."""
    return CONTESTANTS[contestant].prepare(contestant=contestant, **point)


def required_bytes(contestant, **point):
    """Bytes of host memory, in which the inputs are made."""
    setting = Setting(contestant=contestant, **point)
    if setting.task in ("matmul", "copy"):
        return 3 * 4 * setting.length**2
    rows = setting.batch * setting.length * setting.num_heads
    mask = 16 * setting.length**2 if contestant == "flex" else 0
    return 2**28 + 8 * 4 * rows * setting.head_dim + mask


def _ceilings(matmul_length=MATMUL_LENGTH, copy_length=COPY_LENGTH, dtype="bfloat16"):
    for task, length in (("copy", copy_length), ("matmul", matmul_length)):
        for contestant in ("ours_jax", "sdpa"):
            yield _point("ceilings", task, contestant, task, length, dtype=dtype)


def _points(lengths=LENGTHS, reaches=REACHES, tokens=TOKENS, dtype="bfloat16"):
    for task in ("forward", "training"):
        for is_causal in (False, True):
            for length in lengths:
                kind = "causal" if is_causal else "two-sided"
                heat = f"{task}, {kind}, {length:,} tokens"
                shared = {
                    "is_causal": is_causal,
                    "length": length,
                    "batch": max(tokens // length, 1),
                    "dtype": dtype,
                }
                for contestant, reach in _runs(is_causal, reaches):
                    yield _point(task, heat, contestant, task, reach=reach, **shared)


def _runs(is_causal, reaches):
    for reach in reaches:
        yield from (("ours_jax", reach), ("ours_torch", reach), ("flex", reach))
        if is_causal:  # its window has a left side only
            yield "cudnn_jax", reach
    yield "sdpa", None
    yield "cudnn_jax", None


def _point(group, heat, contestant, task, length, reach=None, **others):
    return {
        "group": group,
        "heat": heat,
        "contestant": contestant,
        "task": task,
        "length": length,
        "reach": reach,
        **others,
    }


CASE = Case(
    title="Attention on a GPU, side by side",
    description=(
        f"{TOKENS:,} tokens in total, 12 heads of size 64, bfloat16; otherwise as on a "
        "CPU. A causal window has keys on the left only; JAX's cuDNN attention "
        "supports no other window. *Memory* is what PyTorch allocates during a call, "
        "or what XLA reports for the program in addition to its inputs."
    ),
    tests=(
        "tests/ops/test_banded_attention.py",
        "tests/ops/test_longformer_attention.py",
    ),
    points=(*_ceilings(), *_points()),
    smoke_points=(*_ceilings(64, 64), *_points((256,), (8,), 512, "float32")),
    prepare=prepare,
    required_bytes=required_bytes,
    contestants=CONTESTANTS,
    evaluate=evaluate_on_gpu,
)
