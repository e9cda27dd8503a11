"""Time and memory of the shipped language models when reading a text."""

from pathlib import Path

from benchmarks.registry import Case, Workload

LENGTHS = tuple(1024 * 2**doublings for doublings in range(7))
# Beyond this one call of full attention takes minutes.
LONGEST_FULL = 16384
CHUNK = 1024
# The model of each contestant, read in one pass or in chunks.
CONTESTANTS = {
    "sliding_window": ("byte-longformer", "one_pass"),
    "sliding_window_in_chunks": ("byte-longformer", "chunks"),
    "full_attention": ("byte-transformer-full", "one_pass"),
}
_SAVED_MODELS = Path(__file__).resolve().parents[2] / "saved_models"


def prepare(contestant, length):
    """One reading of `length` bytes: logits for every position."""
    import numpy as np
    from keras import ops

    from longkeras import load_model
    from longkeras.ops.backend.compiled_function import compiled_function

    name, way = CONTESTANTS[contestant]
    model = load_model(_SAVED_MODELS / name)
    rng = np.random.default_rng(0)
    token_ids = rng.integers(3, 259, size=(1, length)).astype("int32")
    padding_mask = np.ones_like(token_ids)

    def forward(token_ids, padding_mask):
        return model({"token_ids": token_ids, "padding_mask": padding_mask})

    compiled_forward = compiled_function(forward, model)

    def one_pass():
        inputs = map(ops.convert_to_tensor, (token_ids, padding_mask))
        return ops.convert_to_numpy(compiled_forward(*inputs))

    def chunks():
        state = model.initial_state(batch_size=1)
        for start in range(0, length, CHUNK):
            chunk = slice(start, start + CHUNK)
            inputs = map(
                ops.convert_to_tensor, (token_ids[:, chunk], padding_mask[:, chunk])
            )
            logits, _, state = model.compiled_prefill(*inputs, state)
            ops.convert_to_numpy(logits)

    return Workload(
        run={"one_pass": one_pass, "chunks": chunks}[way],
        facts={
            "model": name,
            "weights": "shipped",
            "parameters": model.count_params(),
            "reads": "in one pass" if way == "one_pass" else f"in chunks of {CHUNK}",
        },
    )


def required_bytes(contestant, length):
    """The process, and a hundred kilobytes of states and logits for every byte."""
    return 2**30 + 100_000 * length


CASE = Case(
    title="Language models reading a text, forward",
    description=(
        "The language models in `saved_models` compute the logits of every byte of a "
        "text, float32, batch size 1, compiled with XLA. Full attention reads beyond "
        "its context length here, which the page never does; it also loops over "
        "blocks of queries and never holds a matrix of all scores, so the cost shows "
        "in time rather than memory."
    ),
    tests=(
        "tests/ops/test_linear_memory.py",
        "tests/layers/test_self_attention.py",
    ),
    points=tuple(
        {"contestant": contestant, "length": length}
        for contestant in CONTESTANTS
        for length in LENGTHS
        if contestant != "full_attention" or length <= LONGEST_FULL
    ),
    prepare=prepare,
    required_bytes=required_bytes,
)
