"""Longformer's attention of hidden states, which few global rows look at directly."""

from longkeras.ops.attention import validation
from longkeras.ops.attention.dispatch import CallSignature, choose
from longkeras.ops.attention.kernels import absorbed_rows, blocked
from longkeras.ops.backend import xla_compile

# Tokens from which on not projecting them all for global rows pays.
LONG = 512


def absorption_pays(pattern, length):
    """Whether to fold: for long text that is walked, not met by one score matrix.

    Args:
        pattern: `longkeras.patterns.BandedPattern`.
        length: int, or None if unknown.

    Returns:
        bool.
    """
    signature = CallSignature(
        pattern, length, length, is_masked=True, has_dropout=False
    )
    is_long = length is None or length >= LONG
    return is_long and choose("auto", signature) is blocked.attend


def absorbed_attention(
    query, key, value, hidden_states, *weights, pattern, dropout=0.0, seed=None, **masks
):
    """`longformer_attention`, the projections of global rows given as their weights.

    A text is projected by them only where a row of the batch has many global tokens:
    none costs nothing, and a few cost little. For layers: nothing is checked here.

    Args:
        query: as `longkeras.ops.longformer_attention`, and so are `key`, `value`,
            `pattern`, `dropout` and `seed`.
        hidden_states: float tensor `(batch, sequence, hidden_dim)`.
        *weights: three tensors `(hidden_dim + 1, heads, head_dim)`, those of keys and
            values with `kv_heads`: the projections of global queries, keys and
            values, each with its bias as the last row.
        **masks: `padding_mask`, `global_mask` and `document_ids` of
            `longkeras.ops.longformer_attention`, the second a tensor.

    Returns:
        Tensor like `query`.
    """
    given = [masks.get(x) for x in ("padding_mask", "global_mask", "document_ids")]
    spec = validation.spec_for(query, pattern, None, 0, dropout, seed, given)
    tensors = (query, key, value, hidden_states, *weights)
    return xla_compile.run_compiled(_attend, tensors, spec)


def _attend(query, key, value, hidden_states, *weights_and_rule):
    *weights, spec = weights_and_rule
    output = blocked.attend(query, key, value, spec)
    return absorbed_rows.replace(output, hidden_states, *weights, spec)
