"""What the inputs of a model of this family may be."""

import numpy as np


def check_shapes(given):
    """Refuse inputs that do not belong together, as far as their shapes are known.

    Args:
        given: dict of tensors or arrays, with `token_ids`.

    Raises:
        ValueError: If `token_ids` are no batch of texts, or another input is not of
            their shape; of `mask_positions` the batch alone must be the same.
    """
    shapes = {name: _shape(x) for name, x in given.items()}
    texts = shapes["token_ids"]
    if texts is not None and (len(texts) != 2 or 0 in texts):
        raise ValueError(
            "`token_ids` must be `(batch, sequence)`, with at least one text of at "
            f"least one token. Received: token_ids of shape {texts}"
        )
    for name, shape in shapes.items():
        if texts is None or shape is None:
            continue
        compared = 1 if name == "mask_positions" else 2
        sizes = zip(shape[:compared], texts, strict=False)
        fits = all(one == other or None in (one, other) for one, other in sizes)
        if len(shape) != 2 or not fits:
            raise ValueError(
                f"`{name}` must be `(batch, sequence)` as `token_ids`. Received: "
                f"{name} of shape {shape}, token_ids of shape {texts}"
            )


def check_ids(name, ids, limit, meaning):
    """Refuse ids that are none.

    Args:
        name: str. The input.
        ids: array.
        limit: int, or None. What they must be less than.
        meaning: str. What the limit is.

    Raises:
        ValueError: If they are no whole numbers from 0 to the limit.
    """
    is_number = ids.dtype.kind in "iuf"
    if not is_number or (ids.dtype.kind == "f" and (ids != np.round(ids)).any()):
        raise ValueError(
            f"`{name}` must be whole numbers; strings need a model with a "
            f"`preprocessor`. Received: {name} of dtype {ids.dtype}"
        )
    if ids.size and (ids.min() < 0 or (limit is not None and ids.max() >= limit)):
        raise ValueError(
            f"`{name}` must be at least 0 and less than {limit}, the {meaning}. "
            f"Received: ids from {ids.min()} to {ids.max()}"
        )


def check_mask(name, mask):
    """Refuse masks that hold anything but 0 and 1.

    Args:
        name: str. The input.
        mask: array.

    Raises:
        ValueError: If they do, as masks do that are added to scores, or in which a 2
            is a global token.
    """
    if not np.isin(mask, (0, 1)).all():
        raise ValueError(
            f"`{name}` must be 1 or 0: in `padding_mask` 1 at real tokens, in "
            "`global_attention_mask` 1 at global ones. Received: "
            f"{name} with values {np.unique(mask)[:4]}"
        )


def _shape(x):
    shape = x.shape
    return None if getattr(shape, "rank", 0) is None else tuple(shape)
