"""A hash of the last few tokens at every place."""

from keras import ops

from longkeras.ops.integer_hash import STEP, mixed


def ngram_codes(
    token_ids,
    ngram_sizes,
    padding_mask=None,
    document_ids=None,
    previous_tokens=None,
):
    """Hashes the last n tokens, up to and with each, for several n.

    Equal n-grams have equal codes, on every backend; unequal ones share a code by
    chance. Where an n-gram would reach before the text, into another document or to
    padding, there is nothing in that place of it.

    Args:
        token_ids: int tensor `(batch, sequence)`.
        ngram_sizes: list of int, each at least 1.
        padding_mask: tensor `(batch, sequence)`, 0 or False at padding. Defaults to
            `None`, no padding.
        document_ids: int tensor `(batch, sequence)`. Defaults to `None`, one document.
        previous_tokens: int tensor `(batch, max(ngram_sizes) - 1)`, what was read
            before, -1 where there was nothing. Defaults to `None`, nothing.

    Returns:
        int32 tensor `(batch, sequence, len(ngram_sizes))`.

    Example:

    ```python
    import numpy as np
    from longkeras.ops.ngrams.codes import ngram_codes

    codes = np.array(ngram_codes(np.array([[5, 6, 7, 5, 6]]), [2]))
    assert codes[0, 1] == codes[0, 4] != codes[0, 2]
    ```
    """
    # 0 is nothing, so that ids begin at 1.
    codes = ops.cast(token_ids, "int32") + 1
    if padding_mask is not None:
        codes = ops.where(ops.cast(padding_mask, "bool"), codes, ops.zeros_like(codes))
    reach = max(ngram_sizes) - 1
    earlier = ops.pad(codes, [[0, 0], [reach, 0]])
    if previous_tokens is not None:
        previous = ops.cast(previous_tokens, "int32") + 1
        earlier = ops.concatenate([previous, codes], axis=1)
    hashed = mixed(STEP * codes)
    by_size = {1: hashed}
    for back in range(1, reach + 1):
        code = _shifted(earlier, back, reach)
        if document_ids is not None:
            code = _in_document(code, document_ids, back)
        hashed = mixed(hashed + STEP * code)
        by_size[back + 1] = hashed
    return ops.stack([by_size[size] for size in ngram_sizes], axis=-1)


def _shifted(earlier, back, reach):
    """What stands `back` places before each, of a tensor that begins `reach` before."""
    return earlier[:, reach - back : -back]


def _in_document(code, document_ids, back):
    """Nothing in place of what belongs to another document."""
    document_ids = ops.cast(document_ids, "int32")
    padded = ops.pad(document_ids, [[0, 0], [back, 0]])
    is_same = ops.equal(_shifted(padded, back, back), document_ids)
    return ops.where(is_same, code, ops.zeros_like(code))
