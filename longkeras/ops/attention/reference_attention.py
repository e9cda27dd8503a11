"""Attention over a pattern, written out densely: the truth for every test."""

import keras
import numpy as np
from keras import ops

from longkeras.ops.attention import dropout


def reference_attention(
    query,
    key,
    value,
    pattern,
    padding_mask=None,
    global_mask=None,
    document_ids=None,
    global_query=None,
    global_key=None,
    global_value=None,
    scale=None,
    dropout=0.0,
    seed=None,
    query_start=0,
):
    """Sliding-window and global attention as defined, with a full score matrix.

    Slow and hungry on purpose: memory grows with the square of the length. Use it
    to check other implementations, and for short sequences where clarity matters
    more than speed. Scores, softmax and sums are computed in float32 (float64 for
    float64 inputs) and cast back at the end.

    A query sees the keys of its band and the global keys, of those the real ones,
    and only those of its own document. In a causal pattern nothing sees the
    future, globals included. Four positions of the pattern `left=1, right=0`, the
    first one global and the last one padding (rows are queries):

    ```
    1 . . .
    1 1 . .
    1 1 1 .
    . . . .
    ```

    A padded position is neither seen nor answered: its row is zero, and so is the
    row of a query that sees no key at all. Whatever padded positions hold, NaN
    included, changes neither results nor gradients.

    Args:
        query: float tensor `(batch, sequence, heads, head_dim)`.
        key: float tensor `(batch, key_sequence, kv_heads, head_dim)`. `kv_heads`
            divides `heads`: neighbouring query heads share a key head.
        value: float tensor `(batch, key_sequence, kv_heads, head_dim)`.
        pattern: `BandedPattern`. Which keys a query may see.
        padding_mask: bool tensor `(batch, key_sequence)`, True at real positions.
            Defaults to `None`: every position is real.
        global_mask: bool tensor `(batch, key_sequence)`, True at the positions that
            every query sees. Defaults to `None`: there are none.
        document_ids: int tensor `(batch, key_sequence)`. Positions of different
            numbers do not see each other. Defaults to `None`: one document a row.
        global_query: float tensor like `query`. With it, the row of a global query
            is computed from these three instead, over every key that is real, of
            its document and, in a causal pattern, not later. Defaults to `None`.
        global_key: float tensor like `key`, given with `global_query`.
        global_value: float tensor like `value`, given with `global_query`.
        scale: float. Factor on the scores. Defaults to `head_dim ** -0.5`.
        dropout: float in [0, 1). Share of the weights that are dropped after the
            softmax; the others grow by `1 / (1 - dropout)`. Defaults to `0.0`.
        seed: int, int scalar tensor or `keras.random.SeedGenerator` that decides
            which weights are dropped. Defaults to `None`, for no dropout.
        query_start: int. Position of the first query among the keys: 0 unless the
            keys carry a history in front. Defaults to `0`.

    Returns:
        A tensor `(batch, sequence, heads, head_dim)` of the query's dtype.

    Raises:
        ValueError: If `kv_heads` does not divide `heads`, the pattern gives
            dilations for another number of heads, only a part of the global
            projections is given, or `dropout` is out of range or has no seed.

    Example:

    ```python
    import keras

    from longkeras.ops import reference_attention
    from longkeras.patterns import BandedPattern

    x = keras.random.normal((1, 6, 2, 4))
    assert reference_attention(x, x, x, BandedPattern.causal(3)).shape == x.shape
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """
    operation = ReferenceAttention(pattern, scale, dropout, query_start)
    masks = (padding_mask, global_mask, document_ids)
    global_rows = (global_query, global_key, global_value)
    return operation(query, key, value, *masks, *global_rows, seed=seed)


class ReferenceAttention(keras.Operation):
    """`reference_attention` as an operation, so that it also works symbolically.

    Args:
        pattern: `BandedPattern`.
        scale: float, or `None` for `head_dim ** -0.5`.
        dropout: float. Share of the weights that are dropped.
        query_start: int. Position of the first query among the keys.
        name: string. Name of the operation.
    """

    def __init__(self, pattern, scale=None, dropout=0.0, query_start=0, name=None):
        super().__init__(name=name)
        if not 0.0 <= dropout < 1.0:
            raise ValueError(
                f"`dropout` must lie in [0, 1). Received: dropout={dropout}"
            )
        self.pattern = pattern
        self.scale = scale
        self.dropout = dropout
        self.query_start = query_start

    def compute_output_spec(self, query, *args, **kwargs):
        return keras.KerasTensor(query.shape, dtype=query.dtype)

    def call(
        self,
        query,
        key,
        value,
        padding_mask=None,
        global_mask=None,
        document_ids=None,
        global_query=None,
        global_key=None,
        global_value=None,
        seed=None,
    ):
        _check(self.dropout, seed, global_query, global_key, global_value)
        output_dtype = keras.backend.standardize_dtype(query.dtype)
        is_real = _all_true(key) if padding_mask is None else padding_mask
        is_global = ~_all_true(key) if global_mask is None else global_mask
        is_real = ops.cast(is_real, "bool")  # (b, k)
        is_global = ops.cast(is_global, "bool") & is_real  # (b, k)

        allowed = self._allowed(query, key, is_real, document_ids)
        keep = None
        if self.dropout:
            keep = self._keep(query, key, dropout.draw_seed(seed))
        visible = allowed & (self._band(query, key) | is_global[:, None, None, :])
        outputs = self._attend(query, key, value, is_real, visible, keep)
        if global_query is not None:
            rows = self._attend(
                global_query, global_key, global_value, is_real, allowed, keep
            )
            query_is_global = self._at_queries(is_global, query)
            outputs = ops.where(query_is_global[:, :, None, None], rows, outputs)
        return ops.cast(outputs, output_dtype)

    def _attend(self, query, key, value, is_real, visible, keep):
        """Softmax over the visible keys, dropout, and the sum of the values."""
        dtype = keras.backend.standardize_dtype(query.dtype)
        dtype = "float64" if dtype == "float64" else "float32"
        query = _zero_padding(query, self._at_queries(is_real, query), dtype)
        key, value = (_zero_padding(x, is_real, dtype) for x in (key, value))
        key, value = (_repeat_heads(x, query.shape[2]) for x in (key, value))
        scale = query.shape[3] ** -0.5 if self.scale is None else self.scale
        # b batch, q query, k key, h head, d head_dim
        scores = ops.einsum("bqhd,bkhd->bhqk", query * scale, key)
        weights = _visible_softmax(scores, visible, float(np.finfo(dtype).min))
        if keep is not None:
            weights = ops.where(keep, weights / (1.0 - self.dropout), 0.0)
        return ops.einsum("bhqk,bkhd->bqhd", weights, value)

    def _distance(self, query, key):
        """Key position minus query position: int32 `(q, k)`."""
        query_positions = self.query_start + ops.arange(ops.shape(query)[1])
        key_positions = ops.arange(ops.shape(key)[1])
        distance = key_positions[None, :] - query_positions[:, None]
        return ops.cast(distance, "int32")

    def _band(self, query, key):
        """Which keys stand in the band: bool `(1, h, q, k)`."""
        dilations = self.pattern.head_dilations(query.shape[2])
        dilation = ops.convert_to_tensor(dilations, dtype="int32")[:, None, None]
        distance = self._distance(query, key)
        first = -self.pattern.left * dilation  # (h, 1, 1)
        last = self.pattern.right * dilation
        in_span = (distance >= first) & (distance <= last)  # (h, q, k)
        return (in_span & (distance % dilation == 0))[None]

    def _allowed(self, query, key, is_real, document_ids):
        """Which keys a query may see at all, near or far: bool `(b, 1, q, k)`."""
        query_is_real = self._at_queries(is_real, query)
        allowed = query_is_real[:, :, None] & is_real[:, None, :]  # (b, q, k)
        if document_ids is not None:
            key_document = ops.convert_to_tensor(document_ids)
            query_document = self._at_queries(key_document, query)
            is_same = query_document[:, :, None] == key_document[:, None, :]
            allowed = allowed & is_same
        if self.pattern.is_causal:
            allowed = allowed & (self._distance(query, key) <= 0)
        return allowed[:, None]

    def _keep(self, query, key, seed):
        """Which weights dropout leaves: bool `(b, h, q, k)`."""
        batch_size, query_length, num_heads = ops.shape(query)[:3]
        positions = self.query_start + ops.arange(query_length, dtype="int32")
        query_numbers = dropout.query_numbers(seed, batch_size, positions, num_heads)
        key_numbers = dropout.key_numbers(ops.arange(ops.shape(key)[1]))
        keep = dropout.kept(
            query_numbers[..., None], key_numbers, self.dropout
        )  # (b, q, h, k)
        return ops.swapaxes(keep, 1, 2)

    def _at_queries(self, per_key, query):
        stop = self.query_start + ops.shape(query)[1]
        return per_key[:, self.query_start : stop]


def _check(dropout, seed, *global_rows):
    if dropout and seed is None:
        raise ValueError(
            "`seed` must be given with dropout: an int, an int tensor or a "
            f"`keras.random.SeedGenerator`. Received: dropout={dropout}, seed=None"
        )
    given = [x is not None for x in global_rows]
    if any(given) and not all(given):
        names = ("global_query", "global_key", "global_value")
        missing = [name for name, x in zip(names, given, strict=True) if not x]
        raise ValueError(
            "`global_query`, `global_key` and `global_value` must be given together. "
            f"Received: {'=None, '.join(missing)}=None"
        )


def _visible_softmax(scores, visible, lowest):
    scores = ops.where(visible, scores, lowest)
    highest = ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True))
    weights = ops.where(visible, ops.exp(scores - highest), 0.0)
    total = ops.sum(weights, axis=-1, keepdims=True)
    # Nothing visible: divide by one, for zeros in the row and in its gradient.
    return weights / ops.where(total > 0.0, total, 1.0)


def _all_true(key):
    return ops.ones(ops.shape(key)[:2], dtype="bool")  # (b, k)


def _zero_padding(tensor, is_real, dtype):
    # Multiplying by zero would keep the NaN that a padded position may hold.
    tensor = ops.cast(tensor, dtype)
    return ops.where(is_real[:, :, None, None], tensor, 0.0)


def _repeat_heads(tensor, num_heads):
    kv_heads = tensor.shape[2]
    if num_heads % kv_heads:
        raise ValueError(
            "The heads of `key` and `value` must divide those of `query`. "
            f"Received: key heads={kv_heads}, query heads={num_heads}"
        )
    return ops.repeat(tensor, num_heads // kv_heads, axis=2)
