"""Full attention, where the band covers the whole text and nothing is masked."""

from keras import ops


def attend(query, key, value, spec):
    """Attend to every key, or every earlier one; see the package for the signature."""
    groups = query.shape[2] // key.shape[2]
    if groups > 1:
        # Keras itself does not share a single key head on TensorFlow.
        key, value = (ops.repeat(x, groups, axis=2) for x in (key, value))
    return ops.dot_product_attention(
        query, key, value, scale=spec.scale, is_causal=spec.pattern.is_causal
    )


def obstacle(pattern, query_length, key_length, is_plain):
    """Why full attention would answer otherwise, in words; None if it would not.

    Args:
        pattern: `longkeras.patterns.BandedPattern`.
        query_length: int or None.
        key_length: int or None.
        is_plain: bool, whether the call has no mask, no documents and no dropout.
    """
    if not is_plain:
        return "masks, documents or dropout are its own affair"
    if query_length is None or key_length is None:
        return "the length is unknown, and the band may be narrower"
    if query_length != key_length:
        return "a history stands in front of the queries"
    if set(pattern.dilations) != {1}:
        return "the band is dilated"
    reaches_ahead = pattern.is_causal or pattern.right >= key_length - 1
    if pattern.left < key_length - 1 or not reaches_ahead:
        return f"the band of {pattern.width} keys does not cover {key_length}"
    return None
