"""Evaluation protocols: the windows that a text is read in."""

from dataclasses import dataclass

from longkeras.patterns import BandedPattern, receptive_field

KINDS = ("streaming", "segment", "strided")
# Most ids in one call of a model that reads a text; results do not depend on it.
CHUNK_LENGTH = 1024
# Segments or places that are read side by side.
BATCH_SIZE = 8


@dataclass(frozen=True)
class EvaluationProtocol:
    """Windows in which a text is read, so that each byte is scored exactly once.

    The model reads a start token and then the text, and predicts each byte from all
    ids before it; the first byte from the start token alone.

    - `"streaming"`: one pass over the whole text, with the state carried from beginning
      to end. For models whose state has a constant size.
    - `"segment"`: segments of `context_length`, each read from an empty state. The
      first byte of a segment is predicted from the one byte before it. Fast, but
      underestimates the model.
    - `"strided"`: segments of `context_length` that begin every `stride` bytes. Each
      scores only bytes that no earlier segment has scored, so that every byte, except
      at the beginning of the text, has at least `context_length - stride + 1` ids of
      context.

    Args:
        kind: str. `"streaming"`, `"segment"` or `"strided"`.
        context_length: int or None. Ids per segment; None for streaming.
        stride: int or None. For `"strided"`: distance between the beginnings of two
            segments, 1 to `context_length`. Defaults to half the context.
        context_bytes: int or None. Most bytes that a prediction can depend on.
            Defaults to `context_length`, which it cannot exceed; for streaming, None
            means no limit.

    Raises:
        ValueError: For an unknown kind or lengths that do not fit it.

    Example:

    >>> EvaluationProtocol("strided", context_length=512).describe()
    'strided: segments of 512 bytes, a new one every 256'
    """

    kind: str
    context_length: int | None = None
    stride: int | None = None
    context_bytes: int | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(
                f"`protocol` must be one of {KINDS}. Received: protocol={self.kind!r}"
            )
        if self.kind == "streaming":
            self._check_streaming()
            return
        if self.context_length is None or self.context_length < 1:
            raise ValueError(
                f"`context_length` must be at least 1 for protocol {self.kind!r}. "
                f"Received: context_length={self.context_length}"
            )
        if self.kind == "segment":
            default = self.context_length
        else:
            default = max(1, self.context_length // 2)
        stride = default if self.stride is None else self.stride
        if self.kind == "segment" and stride != self.context_length:
            raise ValueError(
                "`stride` is for the protocol 'strided' only. "
                f"Received: stride={stride}"
            )
        if not 1 <= stride <= self.context_length:
            raise ValueError(
                "`stride` must lie between 1 and `context_length`. Received: "
                f"stride={stride}, context_length={self.context_length}"
            )
        context_bytes = self.context_length
        if self.context_bytes is not None:
            context_bytes = min(context_bytes, self.context_bytes)
        object.__setattr__(self, "stride", stride)
        object.__setattr__(self, "context_bytes", context_bytes)

    def _check_streaming(self):
        if self.context_length is not None or self.stride is not None:
            raise ValueError(
                "`context_length` and `stride` have no meaning for the protocol "
                f"'streaming'. Received: context_length={self.context_length}, "
                f"stride={self.stride}"
            )

    def windows(self, length, first_scored=0):
        """Cut a text into windows, each of which is read from an empty state.

        If all scored ids fit into one window, there is one window, with as much context
        before them as fits.

        Args:
            length: int. Ids of the text.
            first_scored: int. The ids before this one are context only. Defaults to
                `0`.

        Yields:
            `(start, length, new)`: a window, and the number of ids at its end that it
            scores.

        Example:

        >>> protocol = EvaluationProtocol("strided", context_length=4)
        >>> list(protocol.windows(7)), list(protocol.windows(8, first_scored=6))
        ([(0, 4, 4), (2, 4, 2), (4, 3, 1)], [(4, 4, 2)])
        """
        limit, stride = self.context_length, self.stride
        num_scored = length - first_scored
        if num_scored == 0:
            return
        if limit is None or stride is None or num_scored <= limit:
            start = max(0, length - (limit or length))
            yield start, length - start, num_scored
            return
        end = first_scored
        for start in range(0, length, stride):
            stop = min(start + limit, length)
            if stop > end:
                yield start, stop - start, stop - end
                end = stop
            if stop == length:
                return

    def context_before(self, position):
        """Count the bytes before a byte that its prediction depends on.

        Args:
            position: int. The byte's offset in the text.

        Returns:
            int.

        Example:

        >>> EvaluationProtocol("strided", 8, stride=4).context_before(9)
        6
        >>> EvaluationProtocol("streaming", context_bytes=24).context_before(900)
        24
        """
        context = position
        if self.context_length is not None:
            # The first segment with the byte. Its first input is the byte before the
            # first one that it predicts.
            segment = max(0, -(-(position + 1 - self.context_length) // self.stride))
            context = min(position, position + 1 - segment * self.stride)
        return (
            context if self.context_bytes is None else min(context, self.context_bytes)
        )

    def describe(self):
        """Describe the protocol in one line.

        Returns:
            str.
        """
        if self.kind == "streaming":
            return "streaming: one pass, the state is carried through the whole text"
        if self.kind == "segment":
            return f"segment: independent segments of {self.context_length} bytes"
        return (
            f"strided: segments of {self.context_length} bytes, a new one every "
            f"{self.stride}"
        )


def call_length(length, chunk_length=CHUNK_LENGTH):
    """The ids per call if `length` ids, None for any number, are read in equal calls.

    Example:

    >>> call_length(None), call_length(256), call_length(1100)
    (1024, 256, 550)
    """
    if chunk_length < 1:
        raise ValueError(
            f"`chunk_length` must be at least 1. Received: chunk_length={chunk_length}"
        )
    return chunk_length if length is None else -(-length // -(-length // chunk_length))


def choose_protocol(model, protocol=None, context_length=None, stride=None):
    """Choose the protocol for a model, or check a given one.

    Args:
        model: a model with a `context_length`, the most ids that it reads, or None for
            no limit.
        protocol: str, `EvaluationProtocol` or None. Defaults to `"streaming"` for a
            model without a limit and to `"strided"` for others.
        context_length: int. Defaults to the model's own limit.
        stride: int. Defaults to half the context.

    Returns:
        `EvaluationProtocol`.

    Raises:
        ValueError: If the protocol does not suit the model.

    Example:

    >>> from types import SimpleNamespace
    >>> choose_protocol(SimpleNamespace(context_length=None)).kind
    'streaming'
    >>> choose_protocol(SimpleNamespace(context_length=512)).stride
    256
    """
    limit = model.context_length
    if not isinstance(protocol, EvaluationProtocol):
        if protocol is None:
            protocol = "streaming" if limit is None else "strided"
        if protocol != "streaming" and context_length is None:
            context_length = limit
        reach = theoretical_reach(model)
        # The last byte read counts too.
        context_bytes = None if reach is None else reach + 1
        protocol = EvaluationProtocol(protocol, context_length, stride, context_bytes)
    if limit is None:
        return protocol
    if protocol.kind == "streaming":
        raise ValueError(
            "`protocol` 'streaming' needs a model without a context limit; use "
            f"'strided' or 'segment'. Received: a model that reads {limit} ids"
        )
    if protocol.context_length > limit:
        raise ValueError(
            "`context_length` must not exceed the model's own. Received: "
            f"context_length={protocol.context_length}, model.context_length={limit}"
        )
    return protocol


def theoretical_reach(model):
    """Compute the number of earlier bytes that a prediction can depend on.

    For attention windows this is the reach of all layers together, plus that of
    n-grams. `context_use` and the recall examples measure how much of it a model uses.

    Args:
        model: a causal language model. Its `backbone` may have an `attention_window`
            and `attention_dilation`, one value or one per layer, as
            `longkeras.models.CausalTransformerBackbone` has them, and its
            `token_reach`.

    Returns:
        int, or None if it is unlimited, as for an LSTM.

    Example:

    >>> from types import SimpleNamespace
    >>> backbone = SimpleNamespace(
    ...     num_layers=3, attention_window=(64, 256, 512), attention_dilation=1
    ... )
    >>> model = SimpleNamespace(backbone=backbone, context_length=None)
    >>> theoretical_reach(model)
    829

    Reference:
        [Longformer, section 3.1](https://arxiv.org/abs/2004.05150)
    """
    backbone = getattr(model, "backbone", None)
    windows = _per_layer(backbone, "attention_window", None)
    if not windows or None in windows:
        return None if model.context_length is None else model.context_length - 1
    dilations = _per_layer(backbone, "attention_dilation", 1)
    field = receptive_field(
        [
            BandedPattern.causal(
                window, tuple(dilation) if isinstance(dilation, list) else dilation
            )
            for window, dilation in zip(windows, dilations, strict=True)
        ]
    )
    reach = field.left + getattr(backbone, "token_reach", 0)
    limit = model.context_length
    return reach if limit is None else min(reach, limit - 1)


def _per_layer(backbone, name, default):
    value = getattr(backbone, name, default)
    if isinstance(value, (list, tuple)):
        return list(value)
    return [value] * getattr(backbone, "num_layers", 0)
