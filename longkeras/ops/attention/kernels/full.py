"""Full attention through Keras' own op: the band covers the text."""

from keras import ops

from longkeras.ops.attention.visibility import zero_masked


def attend(query, key, value, spec):
    """Attend to every key, or every earlier one; see the package for the signature."""
    mask = None
    if spec.key_mask is not None:
        query, key, value = (zero_masked(x, spec.key_mask) for x in (query, key, value))
        # A text of padding alone sees all of it: a fused kernel may make NaN of a row
        # without a key. The rows of padding are cleared below.
        is_empty = ops.logical_not(ops.any(spec.key_mask, axis=1, keepdims=True))
        mask = ops.logical_or(spec.key_mask, is_empty)[:, None, None]
    groups = query.shape[2] // key.shape[2]
    if groups > 1:
        # Keras itself does not share a single key head on TensorFlow.
        key, value = (ops.repeat(x, groups, axis=2) for x in (key, value))
    output = ops.dot_product_attention(
        query,
        key,
        value,
        mask=mask,
        scale=spec.scale,
        is_causal=spec.pattern.is_causal,
    )
    return zero_masked(output, spec.key_mask)


def obstacle(signature):
    """Why full attention would answer otherwise, in words; None if it would not.

    Args:
        signature: `longkeras.ops.attention.dispatch.CallSignature`.
    """
    pattern, length = signature.pattern, signature.key_length
    if signature.is_masked or signature.has_dropout:
        return "it knows no global keys, no documents, and no dropout by seed"
    if signature.query_length is None or length is None:
        return "the length is unknown, and the band may be narrower"
    if signature.query_length != length:
        return "a history precedes the queries"
    if set(pattern.dilations) != {1}:
        return "the band is dilated"
    is_covered = pattern.is_causal or pattern.right >= length - 1
    if pattern.left < length - 1 or not is_covered:
        return f"the band of {pattern.width} keys does not cover {length}"
    return None
