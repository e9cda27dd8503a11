"""With how much context each byte of a text is predicted."""

from dataclasses import dataclass

KINDS = ("streaming", "segment", "strided")


@dataclass(frozen=True)
class EvaluationProtocol:
    """A rule that scores each byte of a text exactly once.

    The model reads a start token and then the text, and predicts every byte from
    what it has read before; the first byte from the start token alone.

    - `"streaming"`: the whole text in one pass; the model's state is carried from
      beginning to end. For models whose state is of constant size.
    - `"segment"`: segments of `context_length`, each read from an empty state. The
      first byte of a segment is predicted from the one byte before it. Cheap, and
      hard on the model.
    - `"strided"`: segments of `context_length` that begin every `stride` bytes;
      only what no earlier segment has scored is scored, so that every byte but
      those at the text's beginning has at least `context_length - stride + 1` ids
      of context.

    Args:
        kind: str. `"streaming"`, `"segment"` or `"strided"`.
        context_length: int or None. Ids a segment; None for streaming.
        stride: int or None. For `"strided"`: from one segment to the next, 1 to
            `context_length`. Defaults to half the context.

    Raises:
        ValueError: For an unknown kind or lengths that do not fit it.

    Example:

    >>> EvaluationProtocol("strided", context_length=512).describe()
    'strided: segments of 512 bytes, a new one every 256'
    """

    kind: str
    context_length: int | None = None
    stride: int | None = None

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
        object.__setattr__(self, "stride", stride)

    def _check_streaming(self):
        if self.context_length is not None or self.stride is not None:
            raise ValueError(
                "`context_length` and `stride` have no meaning for the protocol "
                f"'streaming'. Received: context_length={self.context_length}, "
                f"stride={self.stride}"
            )

    def windows(self, length):
        """Say which stretches of a text are read, each from an empty state.

        Args:
            length: int. Bytes of the text.

        Yields:
            `(start, length, new)`: a stretch, and how many bytes at its end no
            earlier one has scored.
        """
        if self.context_length is None or self.stride is None:
            yield 0, length, length
            return
        end = 0
        for start in range(0, length, self.stride):
            stop = min(start + self.context_length, length)
            yield start, stop - start, stop - end
            end = stop
            if stop == length:
                return

    def describe(self):
        """Say in one line what is done.

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


def choose_protocol(model, protocol=None, context_length=None, stride=None):
    """Choose how a model is evaluated, or check what was asked for.

    Args:
        model: a model with a `context_length`: None when it may read a text of
            any length in one pass, else the most ids it can read.
        protocol: str, `EvaluationProtocol` or None. Defaults to `"streaming"` for a
            model without a limit and `"strided"` for one that has one.
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
        protocol = EvaluationProtocol(protocol, context_length, stride)
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
