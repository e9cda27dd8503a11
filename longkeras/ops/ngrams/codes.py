"""Hashes of the last few tokens at every position."""

from keras import ops

from longkeras.ops.integer_hash import STEP, below, mixed


def ngram_codes(
    token_ids,
    ngram_sizes,
    padding_mask=None,
    document_ids=None,
    previous_tokens=None,
):
    """Hash the last n tokens at each position, for several n.

    Equal n-grams have equal codes on every backend; different ones rarely do. Tokens
    before the text, in another document or at padding count as missing.

    Args:
        token_ids: int tensor `(batch, sequence)`.
        ngram_sizes: list of int, each at least 1.
        padding_mask: tensor `(batch, sequence)`, 0 or False at padding. Defaults to
            `None`, no padding.
        document_ids: int tensor `(batch, sequence)`. Defaults to `None`, one document.
        previous_tokens: int tensor `(batch, max(ngram_sizes) - 1)`, the tokens before
            `token_ids`, -1 where there is none. Defaults to `None`, none.

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
    # 0 is a missing token, so ids start at 1.
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


def ngram_bins(
    token_ids,
    ngram_sizes,
    num_bins,
    padding_mask=None,
    document_ids=None,
    previous_tokens=None,
):
    """Assign the last n tokens at each position to a bin, for several n.

    Equal n-grams have equal bins on every backend; different ones may share a bin.

    Args:
        token_ids: int tensor `(batch, sequence)`.
        ngram_sizes: list of int, each at least 1.
        num_bins: int. Number of bins, shared by all sizes.
        padding_mask: See `ngram_codes`.
        document_ids: See `ngram_codes`.
        previous_tokens: See `ngram_codes`.

    Returns:
        int32 tensor `(batch, sequence, len(ngram_sizes))`, below `num_bins`.

    Example:

    ```python
    import numpy as np
    from longkeras.ops.ngrams.codes import ngram_bins

    bins = np.array(ngram_bins(np.array([[5, 6, 7, 5, 6]]), [2], num_bins=1000))
    assert bins[0, 1] == bins[0, 4] != bins[0, 2]
    ```
    """
    codes = ngram_codes(
        token_ids, ngram_sizes, padding_mask, document_ids, previous_tokens
    )
    return below(codes, num_bins)


def _shifted(earlier, back, reach):
    """The codes `back` positions earlier; `earlier` starts `reach` positions early."""
    return earlier[:, reach - back : -back]


def _in_document(code, document_ids, back):
    """Set codes from another document to 0, a missing token."""
    document_ids = ops.cast(document_ids, "int32")
    padded = ops.pad(document_ids, [[0, 0], [back, 0]])
    is_same = ops.equal(_shifted(padded, back, back), document_ids)
    return ops.where(is_same, code, ops.zeros_like(code))
