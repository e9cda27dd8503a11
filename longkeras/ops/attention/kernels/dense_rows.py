"""Global queries of short text: one whole score matrix, of which their rows count."""

import dataclasses

from keras import ops

from longkeras.ops.attention.kernels import dense
from longkeras.patterns.banded_pattern import BandedPattern

# A reach that no text has.
_UNBOUNDED = 2**29


def replace(output, query, key, value, spec):
    """As `global_rows.replace`, without its loops, which short text does not repay.

    Args:
        output: `(batch, sequence, heads, head_dim)`, what `banded_attention` answers.
        query: like `output`, the queries' projection for global rows.
        key: `(batch, sequence, kv_heads, head_dim)`.
        value: as `key`.
        spec: `longkeras.ops.attention.spec.AttentionSpec` with a `global_mask`.

    Returns:
        Tensor like `output`.
    """
    right = 0 if spec.pattern.is_causal else _UNBOUNDED
    everything = BandedPattern(_UNBOUNDED, right)
    sees_all = dataclasses.replace(spec, pattern=everything, global_mask=None)
    rows = dense.attend(query, key, value, sees_all)
    return ops.where(spec.global_keys()[:, :, None, None], rows, output)
