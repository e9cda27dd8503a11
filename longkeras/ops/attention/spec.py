"""Specification of a call of attention, apart from query, key and value."""

import dataclasses
from typing import Any, NamedTuple

from keras import ops

from longkeras.patterns import BandedPattern

# Keys on one side of a query, more than any text has.
UNBOUNDED = 2**29


_TENSORS = ("key_mask", "global_mask", "document_ids", "global_order", "seed")


class GlobalTokens(NamedTuple):
    """A global mask that was prepared once for all layers of a model.

    Layers take it as their `global_attention_mask`.

    Args:
        mask: bool `(batch, sequence)`, the global tokens that are real.
        order: int32 `(batch, sequence)`, see `global_order`.
    """

    mask: Any
    order: Any

    @classmethod
    def of(cls, global_mask, padding_mask=None):
        """Prepare a mask.

        Args:
            global_mask: bool or int `(batch, sequence)`, True at global tokens.
            padding_mask: bool or int `(batch, sequence)`, which overrides it. Defaults
                to `None`.
        """
        mask = ops.cast(global_mask, "bool")
        if padding_mask is not None:
            mask = ops.logical_and(mask, ops.cast(padding_mask, "bool"))
        return cls(mask, global_order(mask))


def global_order(global_keys):
    """The positions of each row, those of global keys first.

    Args:
        global_keys: bool `(batch, keys)`.

    Returns:
        int32 `(batch, keys)`.
    """
    order = ops.argsort(ops.cast(ops.logical_not(global_keys), "int32"), axis=1)
    return ops.cast(order, "int32")


@dataclasses.dataclass(frozen=True)
class AttentionSpec:
    """Visibility, scaling and dropout of a call.

    Args:
        pattern: `longkeras.patterns.BandedPattern`.
        scale: float by which the scores are multiplied.
        query_start: int, the position of the first query among the keys.
        key_mask: bool `(batch, keys)` or None, True at real positions.
        global_mask: bool `(batch, keys)` or None, True at keys that every query sees.
        document_ids: int `(batch, keys)` or None; a query sees its own document.
        global_order: int32 `(batch, keys)` or None, see `global_order`. Kernels that
            need it compute it if it is None.
        dropout: float, the rate at which weights are dropped.
        seed: int32 scalar tensor, or None where nothing is dropped.
    """

    pattern: BandedPattern
    scale: float
    query_start: int = 0
    key_mask: object = None
    global_mask: object = None
    document_ids: object = None
    global_order: object = None
    dropout: float = 0.0
    seed: object = None

    @property
    def tensors(self):
        """Everything that is not static, in the order of `with_tensors`."""
        return tuple(getattr(self, name) for name in _TENSORS)

    def with_tensors(self, tensors):
        """The same spec with other `tensors`."""
        return dataclasses.replace(self, **dict(zip(_TENSORS, tensors, strict=True)))

    def static(self):
        """The same spec without tensors: hashable."""
        return self.with_tensors((None,) * len(_TENSORS))

    def with_global_order(self):
        """The same spec with `global_order`, if there is a global mask."""
        if self.global_mask is None or self.global_order is not None:
            return self
        order = global_order(self.global_keys())
        return dataclasses.replace(self, global_order=order)

    def at_queries(self, per_key, query_length):
        """The entries of the queries in a `(batch, keys)` tensor."""
        return per_key[:, self.query_start : self.query_start + query_length]

    def global_keys(self):
        """bool `(batch, keys)`: the global keys that are real; None without any."""
        if self.global_mask is None or self.key_mask is None:
            return self.global_mask
        return ops.logical_and(self.global_mask, self.key_mask)


def full_pattern(length, is_causal):
    """The pattern in which every query sees every key, or every earlier one.

    Args:
        length: int, or None if it is unknown while tracing.
        is_causal: bool.

    Returns:
        `longkeras.patterns.BandedPattern`.
    """
    side = UNBOUNDED if length is None else length - 1
    return BandedPattern(side, 0 if is_causal else side)
