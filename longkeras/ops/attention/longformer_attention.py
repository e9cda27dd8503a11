"""Sliding-window attention with global tokens."""

import keras

from longkeras.ops.attention import dispatch, validation


class LongformerAttention(keras.Operation):
    """The operation behind `longkeras.ops.longformer_attention`."""

    def __init__(
        self, pattern, scale=None, dropout=0.0, seed=None, implementation="auto"
    ):
        super().__init__()
        validation.check_options(pattern, dropout, seed)
        self.pattern = pattern
        self.scale = scale
        self.dropout = dropout
        self.seed = seed
        self.implementation = implementation

    def call(
        self,
        query,
        key,
        value,
        global_query,
        global_key,
        global_value,
        padding_mask=None,
        global_mask=None,
        document_ids=None,
    ):
        spec = validation.spec_for(
            query,
            self.pattern,
            self.scale,
            0,
            self.dropout,
            self.seed,
            (padding_mask, global_mask, document_ids),
        )
        signature = dispatch.CallSignature.of(query, key, spec, "projected")
        planned = dispatch.plan(signature, self.implementation)
        tensors = (query, key, value)
        if planned.global_rows is not None:
            tensors += (global_query, global_key, global_value)
        return dispatch.run(signature, planned, tensors, spec)

    def compute_output_spec(self, query, *tensors, **masks):
        return keras.KerasTensor(query.shape, dtype=query.dtype)


def longformer_attention(
    query,
    key,
    value,
    global_query,
    global_key,
    global_value,
    pattern,
    padding_mask=None,
    global_mask=None,
    document_ids=None,
    scale=None,
    dropout=0.0,
    seed=None,
    implementation="auto",
):
    """Longformer's attention: a sliding window, and global tokens that see everything.

    Every query sees the keys of its window and every global key. A global query sees
    every key instead, through projections of its own. Exact for any number of global
    tokens, different in each row, found at run time.

    Args:
        query: float tensor `(batch, sequence, heads, head_dim)`.
        key: float tensor `(batch, sequence, kv_heads, head_dim)`.
        value: as `key`.
        global_query: as `query`, the projection of global queries.
        global_key: as `key`, the keys that global queries see.
        global_value: as `key`, the values of those keys.
        pattern: `longkeras.patterns.BandedPattern`.
        padding_mask: bool tensor `(batch, sequence)`, True at real positions.
            Defaults to `None`, nothing padded.
        global_mask: bool tensor `(batch, sequence)`, True at global tokens. Padding
            overrides it. Defaults to `None`, none: then this is
            `longkeras.ops.banded_attention`.
        document_ids: int tensor `(batch, sequence)`. A query, global or not, sees
            its own document only. Defaults to `None`, one document.
        scale: float. Defaults to `None`, `head_dim ** -0.5`.
        dropout: float in [0, 1). Defaults to `0.0`.
        seed: int, int scalar tensor or `keras.random.SeedGenerator`.
        implementation: str, of the band. Defaults to `"auto"`.

    Returns:
        Tensor of the shape and dtype of `query`. In a causal pattern nothing, global
        or not, sees a later position.

    Raises:
        ValueError: As `longkeras.ops.banded_attention`.

    Example:

    ```python
    import numpy as np
    from longkeras.ops import longformer_attention
    from longkeras.patterns import BandedPattern

    x = np.random.default_rng(0).normal(size=(1, 100, 2, 8)).astype("float32")
    is_global = np.arange(100)[None] == 0
    pattern = BandedPattern.bidirectional(attention_window=16)
    y = longformer_attention(x, x, x, x, x, x, pattern, global_mask=is_global)
    assert tuple(y.shape) == (1, 100, 2, 8)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """
    operation = LongformerAttention(pattern, scale, dropout, seed, implementation)
    tensors = validation.to_tensors(
        query, key, value, global_query, global_key, global_value
    )
    masks = {
        "padding_mask": padding_mask,
        "global_mask": global_mask,
        "document_ids": document_ids,
    }
    validation.check_tensors(*tensors[:3], pattern, masks)
    validation.check_tensors(*tensors[3:], pattern, masks, prefix="global_")
    if tuple(tensors[3].shape) != tuple(tensors[0].shape):
        raise ValueError(
            "`global_query` must have the shape of `query`. Received: "
            f"{tuple(tensors[3].shape)} and {tuple(tensors[0].shape)}"
        )
    return operation(*tensors, **masks)
