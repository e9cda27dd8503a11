"""Sliding-window attention, exact, in memory linear in the length."""

import keras

from longkeras.ops.attention import dispatch, validation


class BandedAttention(keras.Operation):
    """The operation behind `longkeras.ops.banded_attention`."""

    def __init__(
        self,
        pattern,
        scale=None,
        dropout=0.0,
        seed=None,
        implementation="auto",
        query_start=0,
    ):
        super().__init__()
        validation.check_options(pattern, dropout, seed)
        self.pattern = pattern
        self.scale = scale
        self.dropout = dropout
        self.seed = seed
        self.implementation = implementation
        self.query_start = query_start

    def call(
        self,
        query,
        key,
        value,
        padding_mask=None,
        global_mask=None,
        document_ids=None,
    ):
        spec = validation.spec_for(
            query,
            self.pattern,
            self.scale,
            self.query_start,
            self.dropout,
            self.seed,
            (padding_mask, global_mask, document_ids),
        )
        signature = dispatch.CallSignature.of(query, key, spec)
        planned = dispatch.plan(signature, self.implementation)
        return dispatch.run(signature, planned, (query, key, value), spec)

    def compute_output_spec(self, query, key, value, **masks):
        return keras.KerasTensor(query.shape, dtype=query.dtype)


def banded_attention(
    query,
    key,
    value,
    pattern,
    padding_mask=None,
    global_mask=None,
    document_ids=None,
    scale=None,
    dropout=0.0,
    seed=None,
    implementation="auto",
    query_start=0,
):
    """Attention in which each query sees the keys of its band, and global keys.

    Exact for every pattern, length, padding and number of global keys, forward and
    gradient. Time grows with length times window and memory with length; the
    gradient recomputes the scores instead of keeping them. Eager, symbolic and
    jitted alike, on TensorFlow, JAX and PyTorch.

    Args:
        query: float tensor `(batch, sequence, heads, head_dim)`.
        key: float tensor `(batch, keys, kv_heads, head_dim)`, `kv_heads` a divisor
            of `heads` (grouped-query attention shares them).
        value: as `key`.
        pattern: `longkeras.patterns.BandedPattern`.
        padding_mask: bool tensor `(batch, keys)`, True at real positions. A padded
            position is not seen, and its own row is zero. Defaults to `None`, no
            padding.
        global_mask: bool tensor `(batch, keys)`, True at keys that every query sees
            (in a causal pattern: every later query). Any number, different in each
            row. Padding overrides it. Defaults to `None`.
        document_ids: int tensor `(batch, keys)`. Where texts are packed into a row,
            a query sees its own document only. Defaults to `None`, one document.
        scale: float by which the scores are multiplied. Defaults to `None`,
            `head_dim ** -0.5`.
        dropout: float in [0, 1), the rate at which weights are dropped; the others
            are scaled up. Defaults to `0.0`.
        seed: int, int scalar tensor or `keras.random.SeedGenerator` that the dropout
            is drawn from: one seed drops the same weights in every implementation.
        implementation: str. `"auto"`, or the name of one, `"blocked"` or `"dense"`
            (see `longkeras.ops.explain`). Defaults to `"auto"`.
        query_start: int. Position of the first query among the keys: keys before it
            are a history that is seen, not answered. Defaults to `0`.

    Returns:
        Tensor of the shape and dtype of `query`. A row without a visible key is
        zero, and so is its gradient.

    Raises:
        ValueError: If shapes do not fit each other or the pattern, if dropout has
            no seed, or if an implementation asked for by name cannot run.

    Example:

    ```python
    import numpy as np
    from longkeras.ops import banded_attention
    from longkeras.patterns import BandedPattern

    x = np.random.default_rng(0).normal(size=(1, 100, 2, 8)).astype("float32")
    y = banded_attention(x, x, x, BandedPattern.causal(attention_window=16))
    assert tuple(y.shape) == (1, 100, 2, 8)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """
    operation = BandedAttention(
        pattern, scale, dropout, seed, implementation, query_start
    )
    query, key, value = validation.to_tensors(query, key, value)
    masks = {
        "padding_mask": padding_mask,
        "global_mask": global_mask,
        "document_ids": document_ids,
    }
    validation.check_tensors(query, key, value, pattern, masks, query_start)
    return operation(query, key, value, **masks)
