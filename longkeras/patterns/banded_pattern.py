"""Sliding-window patterns: the keys that each query sees."""

import dataclasses

from longkeras.argument_checks import whole_number


@dataclasses.dataclass(frozen=True)
class BandedPattern:
    """A sliding window over the keys, optionally dilated, the same for every query.

    Query `i` sees key `j` if and only if `j - i = k * dilation` for a whole number
    `k` with `-left <= k <= right`. The query's own position (`k = 0`) is always in
    the band and counted in neither `left` nor `right`. With a dilation of `d` the
    band therefore holds `left + right + 1` keys and spans `d * (left + right) + 1`
    positions. Patterns are immutable and hashable, so a compiled program can be
    kept per pattern.

    `BandedPattern(left=1, right=0)` over four positions (rows are queries):

    ```
    1 . . .
    1 1 . .
    . 1 1 .
    . . 1 1
    ```

    Libraries count windows differently: see `bidirectional` and `causal`.

    Args:
        left: int. Keys seen before the query's own position, at least 0.
        right: int. Keys seen after the query's own position, at least 0; 0 makes
            the pattern causal.
        dilation: int, or tuple of one int per attention head. Distance between
            neighbouring keys of the band, at least 1. Defaults to `1`.

    Raises:
        ValueError: If `left`, `right` or `dilation` is not a whole number in range.

    Example:

    ```python
    from longkeras.patterns import BandedPattern

    pattern = BandedPattern.causal(attention_window=4, dilation=(1, 2))
    assert (pattern.left, pattern.right) == (3, 0)
    assert pattern.ring_slots == 7
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """

    left: int
    right: int
    dilation: int | tuple[int, ...] = 1

    def __post_init__(self):
        # A frozen dataclass can only be normalised through object.__setattr__.
        left = whole_number("left", self.left, 0)
        right = whole_number("right", self.right, 0)
        object.__setattr__(self, "left", left)
        object.__setattr__(self, "right", right)
        object.__setattr__(self, "dilation", _checked_dilation(self.dilation))

    @classmethod
    def bidirectional(cls, attention_window, dilation=1):
        """Create a band with the same number of keys on both sides.

        The window is counted as in Hugging Face's Longformer: the keys of both sides
        together, without the query itself.

        Args:
            attention_window: int. Even number of keys beside the query, at least 2.
            dilation: int, or tuple of one int per head. Defaults to `1`.

        Returns:
            A `BandedPattern` with `left == right == attention_window // 2`.

        Raises:
            ValueError: If `attention_window` is odd or smaller than 2.

        Example:

        ```python
        from longkeras.patterns import BandedPattern

        pattern = BandedPattern.bidirectional(attention_window=512)
        assert (pattern.left, pattern.right) == (256, 256)
        ```
        """
        window = whole_number("attention_window", attention_window, 2)
        if window % 2:
            raise ValueError(
                "`attention_window` of a bidirectional pattern must be even: half of "
                f"it lies on each side. Received: attention_window={attention_window}"
            )
        return cls(window // 2, window // 2, dilation)

    @classmethod
    def causal(cls, attention_window, dilation=1):
        """Create a band that ends at the query's own position.

        Args:
            attention_window: int. Keys seen, the query's own included, at least 1.
            dilation: int, or tuple of one int per head. Defaults to `1`.

        Returns:
            A `BandedPattern` with `left == attention_window - 1` and `right == 0`.

        Raises:
            ValueError: If `attention_window` is smaller than 1.

        Example:

        ```python
        from longkeras.patterns import BandedPattern

        assert BandedPattern.causal(attention_window=256).left == 255
        ```
        """
        window = whole_number("attention_window", attention_window, 1)
        return cls(window - 1, 0, dilation)

    @classmethod
    def from_config(cls, config):
        """Create a pattern from the output of `get_config`.

        Args:
            config: dict with `left`, `right` and `dilation`, a list or tuple of one per
                head or an int.

        Returns:
            A `BandedPattern`.
        """
        return cls(**config)

    def get_config(self):
        """Return the constructor's arguments, ready for JSON.

        Returns:
            A dict with `left`, `right` and `dilation` (an int, or a list).
        """
        dilation = self.dilation
        return {
            "left": self.left,
            "right": self.right,
            "dilation": list(dilation) if isinstance(dilation, tuple) else dilation,
        }

    @property
    def is_causal(self):
        """bool. Whether no query sees a later position."""
        return self.right == 0

    @property
    def dilations(self):
        """tuple of ints. One per head, or a single one for all heads."""
        if isinstance(self.dilation, tuple):
            return self.dilation
        return (self.dilation,)

    @property
    def width(self):
        """int. Keys in the band of one query, its own included."""
        return self.left + self.right + 1

    @property
    def max_left(self):
        """int. Positions that the widest head reaches back."""
        return self.left * max(self.dilations)

    @property
    def max_right(self):
        """int. Positions that the widest head reaches ahead."""
        return self.right * max(self.dilations)

    @property
    def ring_slots(self):
        """int. Slots of a ring cache for decoding with this causal pattern."""
        if not self.is_causal:
            raise ValueError(
                "A ring cache needs a causal pattern: `right` must be 0. "
                f"Received: right={self.right}"
            )
        return self.max_left + 1

    def head_dilations(self, num_heads):
        """Return the dilation of each of `num_heads` heads.

        Args:
            num_heads: int. Number of attention heads.

        Returns:
            A tuple of `num_heads` ints.

        Raises:
            ValueError: If the pattern gives one dilation per head, for another
                number of heads.

        Example:

        ```python
        from longkeras.patterns import BandedPattern

        assert BandedPattern(2, 2, dilation=3).head_dilations(2) == (3, 3)
        ```
        """
        if not isinstance(self.dilation, tuple):
            return (self.dilation,) * num_heads
        if len(self.dilation) != num_heads:
            raise ValueError(
                "`dilation` must be an int or give one value per head. "
                f"Received: dilation={self.dilation} for num_heads={num_heads}"
            )
        return self.dilation


def _checked_dilation(dilation):
    if hasattr(dilation, "tolist"):  # NumPy arrays and scalars
        dilation = dilation.tolist()
    if not isinstance(dilation, list | tuple):
        return whole_number("dilation", dilation, 1)
    if not dilation:
        raise ValueError(
            "`dilation` must be an int or give one value per head. "
            f"Received: dilation={dilation!r}"
        )
    return tuple(whole_number("dilation", value, 1) for value in dilation)
