"""Cross-attention: every query sees every key, one tile of keys after another."""

from keras import ops

from longkeras.ops.attention.kernels.global_queries import AllKeys, grouped
from longkeras.ops.backend.custom_gradient import custom_gradient


def attend(query, key, value, query_mask, spec):
    """Attend to all real keys.

    Args:
        query: `(batch, queries, heads, head_dim)`.
        key: `(batch, keys, kv_heads, head_dim)`, of any length.
        value: as `key`.
        query_mask: bool `(batch, queries)`, or None.
        spec: `longkeras.ops.attention.spec.AttentionSpec`, whose pattern is not
            causal and otherwise ignored.

    Returns:
        Tensor like `query`, zeros where nothing is seen.
    """

    def forward(arguments, constants):
        keys, rows, *asked = _parts(arguments, constants, spec)
        kept = keys.answer(rows, *asked)
        output = ops.reshape(kept[0], ops.shape(arguments[0]))
        return ops.cast(output, rows.dtype), kept

    def backward(arguments, constants, kept, upstream):
        keys, rows, *asked = _parts(arguments, constants, spec)
        results = (*kept, ops.reshape(upstream, ops.shape(rows)))
        gradients = keys.gradients(rows, results, *asked, keys.no_gradients())
        by_position = (ops.transpose(x, (0, 3, 1, 2)) for x in gradients[1:])
        return tuple(
            ops.cast(ops.reshape(gradient, ops.shape(x)), x.dtype)
            for gradient, x in zip((gradients[0], *by_position), arguments, strict=True)
        )

    constants = (query_mask, *spec.tensors)
    return custom_gradient(forward, backward)((query, key, value), constants)


def _parts(arguments, constants, spec):
    """The keys, the queries by key head, their positions, and which are real."""
    query, key, value = arguments
    query_mask, *tensors = constants
    keys = AllKeys(query, key, value, spec.with_tensors(tensors))
    shape = ops.shape(query)[:2]
    if query_mask is None:
        query_mask = ops.ones(shape, dtype="bool")
    positions = ops.broadcast_to(ops.arange(shape[1], dtype="int32"), shape)
    return keys, grouped(query, key.shape[2]), positions, query_mask
