"""Tokens that followed earlier occurrences of the last few tokens."""

from keras import ops

from longkeras.ops.integer_hash import STEP, mixed
from longkeras.ops.ngrams.codes import ngram_codes


def ngram_followers(
    token_ids,
    ngram_sizes,
    window,
    padding_mask=None,
    document_ids=None,
    previous_tokens=None,
):
    """Return the token that followed the previous occurrence of the last n tokens.

    The n-gram that ends at a position is compared with those that end at most `window`
    positions before, in the same document. The token after the latest equal one is
    returned. N-grams are compared by a 32-bit hash.

    Args:
        token_ids: int tensor `(batch, sequence)`.
        ngram_sizes: list of int, each at least 1.
        window: int. Number of positions to search back.
        padding_mask: tensor `(batch, sequence)`, 0 or False at padding. Defaults to
            `None`, no padding.
        document_ids: int tensor `(batch, sequence)`. Defaults to `None`, one document.
        previous_tokens: int tensor `(batch, window + max(ngram_sizes) - 1)`, the tokens
            before `token_ids`, -1 where there is none; not together with the two above.
            Defaults to `None`, none.

    Returns:
        int32 tensor `(batch, sequence, len(ngram_sizes))`, -1 where the n-gram is new.

    Raises:
        ValueError: If `previous_tokens` are given together with a mask or documents.

    Example:

    ```python
    import numpy as np
    from longkeras.ops.ngrams.followers import ngram_followers

    text = np.array([[5, 6, 7, 5, 6]])
    followers = np.array(ngram_followers(text, [1, 2], window=4))
    assert followers[0, 3].tolist() == [6, -1]
    assert followers[0, 4].tolist() == [7, 7]
    ```

    Reference:
        n-gram heads of [Akyurek et al., 2024](https://arxiv.org/abs/2401.12973)
    """
    tokens = ops.cast(token_ids, "int32")
    if previous_tokens is None:
        return _followers(tokens, ngram_sizes, window, padding_mask, document_ids)
    if padding_mask is not None or document_ids is not None:
        raise ValueError(
            "`previous_tokens` are those of one document without padding. Received: "
            "previous_tokens together with padding_mask or document_ids"
        )
    num_new = tokens.shape[1]
    tokens = ops.concatenate([ops.cast(previous_tokens, "int32"), tokens], axis=1)
    if num_new == 1:
        return _followers_of_last(tokens, ngram_sizes, window)
    reach = max(ngram_sizes) - 1
    earlier, tokens = tokens[:, :reach], tokens[:, reach:]
    return _followers(tokens, ngram_sizes, window, before=earlier)[:, window:]


def latest_match(codes, window):
    """Find the latest earlier position with an equal code, at most `window` back.

    All positions at once, by sorting: n log n steps, independent of the window.

    Args:
        codes: int32 tensor `(..., sequence)`.
        window: int. Number of positions to search back.

    Returns:
        int32 tensor of the shape of `codes`: positions, -1 where there is none.

    Example:

    ```python
    import numpy as np
    from longkeras.ops.ngrams.followers import latest_match

    codes = np.array([7, 5, 7, 7, 5], "int32")
    assert np.array(latest_match(codes, window=2)).tolist() == [-1, -1, 0, 2, -1]
    ```
    """
    order = ops.argsort(codes, axis=-1)  # stable: equal codes by position
    in_order = ops.take_along_axis(codes, order, axis=-1)
    is_repeated = ops.equal(in_order[..., 1:], in_order[..., :-1])
    is_near = order[..., 1:] - order[..., :-1] <= window
    is_match = ops.logical_and(is_repeated, is_near)
    none = ops.full_like(order[..., :1], -1)
    before = ops.concatenate(
        [none, ops.where(is_match, order[..., :-1], none)], axis=-1
    )
    place = ops.argsort(order, axis=-1)
    return ops.cast(ops.take_along_axis(before, place, axis=-1), "int32")


def _followers(tokens, sizes, window, mask=None, document_ids=None, before=None):
    codes = ngram_codes(tokens, sizes, mask, document_ids, before)
    following = ops.pad(tokens[:, 1:], [[0, 0], [0, 1]], constant_values=-1)
    if document_ids is not None:
        document_ids = ops.cast(document_ids, "int32")
        codes = mixed(codes + STEP * document_ids[:, :, None])
        following = _in_document(following, document_ids)
    codes = ops.transpose(codes, (0, 2, 1))  # (batch, sizes, sequence)
    following = ops.broadcast_to(following[:, None], ops.shape(codes))
    found = _at(following, latest_match(codes, window))
    return ops.transpose(found, (0, 2, 1))


def _followers_of_last(tokens, sizes, window):
    """For the last of `window + max(sizes)` tokens only, by comparing it with all."""
    reach = max(sizes) - 1
    is_match, places = None, {}
    for back in range(reach + 1):
        earlier = tokens[:, reach - back : reach - back + window]
        is_equal = ops.equal(earlier, tokens[:, -1 - back, None])
        is_match = is_equal if back == 0 else ops.logical_and(is_match, is_equal)
        if back + 1 in sizes:
            here = ops.where(is_match, ops.arange(window, dtype="int32"), -1)
            places[back + 1] = ops.max(here, axis=-1)
    places = ops.stack([places[size] for size in sizes], axis=-1)
    return _at(tokens[:, reach + 1 :], places)[:, None]


def _at(following, places):
    """The tokens at these places, -1 where the place is -1."""
    found = ops.take_along_axis(following, ops.maximum(places, 0), axis=-1)
    return ops.where(places < 0, -1, found)


def _in_document(following, document_ids):
    """Set tokens of another document to -1."""
    next_ids = ops.concatenate([document_ids[:, 1:], document_ids[:, -1:]], axis=1)
    return ops.where(ops.equal(next_ids, document_ids), following, -1)
