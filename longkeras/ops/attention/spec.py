"""What a call of an attention op asks for, apart from query, key and value."""

import dataclasses

from keras import ops

from longkeras.patterns import BandedPattern

# Keys on one side of a query, more than any text has.
UNBOUNDED = 2**29


@dataclasses.dataclass(frozen=True)
class AttentionSpec:
    """Visibility, scaling and dropout of a call.

    Args:
        pattern: `longkeras.patterns.BandedPattern`.
        scale: float by which the scores are multiplied.
        query_start: int, the position of the first query among the keys.
        key_mask: bool `(batch, keys)` or None, True at real positions.
        global_mask: bool `(batch, keys)` or None, True where every query looks.
        document_ids: int `(batch, keys)` or None; a query sees its own document.
        dropout: float, the rate at which weights are dropped.
        seed: int32 scalar tensor, or None where nothing is dropped.
    """

    pattern: BandedPattern
    scale: float
    query_start: int = 0
    key_mask: object = None
    global_mask: object = None
    document_ids: object = None
    dropout: float = 0.0
    seed: object = None

    @property
    def tensors(self):
        """`(key_mask, global_mask, document_ids, seed)`: what is not static."""
        return self.key_mask, self.global_mask, self.document_ids, self.seed

    def with_tensors(self, tensors):
        """The same spec with other `tensors`."""
        names = ("key_mask", "global_mask", "document_ids", "seed")
        return dataclasses.replace(self, **dict(zip(names, tensors, strict=True)))

    def at_queries(self, per_key, query_length):
        """The part of a `(batch, keys)` tensor that stands at the queries."""
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
