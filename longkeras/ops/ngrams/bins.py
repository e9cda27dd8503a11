"""Hashed n-grams: a number for the last few tokens at every place."""

from longkeras.ops.integer_hash import below
from longkeras.ops.ngrams.codes import ngram_codes


def ngram_bins(
    token_ids,
    ngram_sizes,
    num_bins,
    padding_mask=None,
    document_ids=None,
    previous_tokens=None,
):
    """Finds a bin for the last n tokens, up to and with each, for several n.

    Equal n-grams have equal bins, on every backend; unequal ones share a bin by
    chance.

    Args:
        token_ids: int tensor `(batch, sequence)`.
        ngram_sizes: list of int, each at least 1.
        num_bins: int. Bins for the n-grams of all sizes together.
        padding_mask: See `longkeras.ops.ngrams.codes`.
        document_ids: See `longkeras.ops.ngrams.codes`.
        previous_tokens: See `longkeras.ops.ngrams.codes`.

    Returns:
        int32 tensor `(batch, sequence, len(ngram_sizes))`, numbers below `num_bins`.

    Example:

    ```python
    import numpy as np
    from longkeras.ops.ngrams.bins import ngram_bins

    bins = np.array(ngram_bins(np.array([[5, 6, 7, 5, 6]]), [2], num_bins=1000))
    assert bins[0, 1] == bins[0, 4] != bins[0, 2]
    ```
    """
    codes = ngram_codes(
        token_ids, ngram_sizes, padding_mask, document_ids, previous_tokens
    )
    return below(codes, num_bins)
