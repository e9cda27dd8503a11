"""Which keys chosen queries see: the rule, position by position."""

from keras import ops


def visible(positions, num_keys, spec):
    """Which keys each query sees.

    Args:
        positions: int32 tensor `(batch, rows)`, the queries' positions among the
            keys; `(1, rows)` where they are the same in every row of the batch.
        num_keys: int.
        spec: `longkeras.ops.attention.spec.AttentionSpec`.

    Returns:
        bool tensor broadcastable to `(batch, heads, rows, keys)`.
    """
    pattern = spec.pattern
    at_rows = positions[:, None, :, None]  # (batch, 1, rows, 1)
    distance = ops.arange(num_keys, dtype="int32") - at_rows  # (batch, 1, rows, keys)
    dilation = ops.reshape(
        ops.convert_to_tensor(pattern.dilations, dtype="int32"), (-1, 1, 1)
    )
    seen = ops.logical_and(
        distance >= -pattern.left * dilation, distance % dilation == 0
    )
    is_near = distance <= pattern.right * dilation
    global_keys = spec.global_keys()
    if global_keys is not None:
        global_keys = global_keys[:, None, None, :]
    if global_keys is None:
        seen = ops.logical_and(seen, is_near)
    elif pattern.is_causal:
        # XLA makes wrong code on a CPU of "near, or global and not later".
        seen = ops.logical_and(ops.logical_or(seen, global_keys), is_near)
    else:
        seen = ops.logical_or(ops.logical_and(seen, is_near), global_keys)
    if spec.key_mask is not None:
        both_real = _pairs(ops.logical_and, spec.key_mask, positions)
        seen = ops.logical_and(seen, both_real)
    if spec.document_ids is not None:
        same = _pairs(ops.equal, spec.document_ids, positions)
        seen = ops.logical_and(seen, same)
    return seen


def rows_of(per_position, positions):
    """The entries of `(batch, sequence, ...)` at `(batch, rows)` positions."""
    shape = (*ops.shape(positions), *([1] * (len(per_position.shape) - 2)))
    return ops.take_along_axis(per_position, ops.reshape(positions, shape), axis=1)


def _pairs(relation, per_key, positions):
    """Relate every row to every key: bool `(batch, 1, rows, keys)`."""
    if positions.shape[0] == 1:
        at_rows = ops.take(per_key, positions[0], axis=1)
    else:
        at_rows = rows_of(per_key, positions)
    return relation(at_rows[:, None, :, None], per_key[:, None, None, :])
