"""Memory of sliding-window attention compared with full attention."""

from benchmarks.registry import Case, Workload

LENGTHS = tuple(1024 * 2**doublings for doublings in range(7))
NUM_HEADS, HEAD_DIM, ATTENTION_WINDOW = 2, 64, 256
CONTESTANTS = ("banded", "full")


def prepare(contestant, length):
    """One forward pass of causal attention, compiled for this length."""
    import keras
    import numpy as np
    from keras import ops

    from longkeras.ops import banded_attention
    from longkeras.ops.backend.compiled_function import compiled_function
    from longkeras.patterns import BandedPattern

    pattern = BandedPattern.causal(ATTENTION_WINDOW)

    def banded(query, key, value):
        return banded_attention(query, key, value, pattern)

    def full(query, key, value):
        return ops.dot_product_attention(query, key, value, is_causal=True)

    shape = (1, length, NUM_HEADS, HEAD_DIM)
    rng = np.random.default_rng(0)
    tensors = [
        ops.convert_to_tensor(rng.normal(size=shape).astype("float32"))
        for _ in range(3)
    ]
    attend = compiled_function(
        {"banded": banded, "full": full}[contestant], keras.Sequential()
    )
    return Workload(
        run=lambda: ops.convert_to_numpy(attend(*tensors)),
        facts={
            "batch_size": 1,
            "num_heads": NUM_HEADS,
            "head_dim": HEAD_DIM,
            "attention_window": ATTENTION_WINDOW if contestant == "banded" else None,
            "dtype": "float32",
        },
    )


def required_bytes(contestant, length):
    """The process, and for full attention three copies of all scores."""
    scores = 4 * NUM_HEADS * length**2 if contestant == "full" else 0
    return 2**30 + 3 * scores


CASE = Case(
    title="Memory of causal attention, forward",
    description=(
        f"Causal attention with {NUM_HEADS} heads of size {HEAD_DIM}, float32, batch "
        f"size 1, compiled with XLA: a sliding window of {ATTENTION_WINDOW} keys "
        "(*banded*, `longkeras.ops.banded_attention`) compared with attention to "
        "every earlier key (*full*, `keras.ops.dot_product_attention`)."
    ),
    tests=("tests/ops/test_linear_memory.py", "tests/ops/test_banded_attention.py"),
    points=tuple(
        {"contestant": contestant, "length": length}
        for contestant in CONTESTANTS
        for length in LENGTHS
    ),
    prepare=prepare,
    required_bytes=required_bytes,
)
