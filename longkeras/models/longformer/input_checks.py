"""Checks of the shapes and masks that a model of the family is given."""

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
