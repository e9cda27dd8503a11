"""Which implementation serves a call: decided from static facts alone."""

import dataclasses

from longkeras.ops.implementations import blocked, dense

# Below this many keys one score matrix is cheaper than a walk.
_SHORT_TEXT = 512
# A score matrix larger than this (entries a head) is never built unasked.
_LARGEST_MATRIX = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Candidate:
    """An implementation, and why it would or would not be taken.

    Args:
        name: str, the value of `implementation` that forces it.
        attend: callable, see `longkeras.ops.implementations`.
        can_run: bool, False if forcing it raises.
        chosen: bool, True for the one that "auto" takes.
        reason: str, in words.
    """

    name: str
    attend: object
    can_run: bool
    chosen: bool
    reason: str


def candidates(pattern, query_length, key_length):
    """Every implementation with its verdict, best known first.

    Args:
        pattern: `longkeras.patterns.BandedPattern`.
        query_length: int, or None where it is not known while tracing.
        key_length: int, or None.

    Returns:
        list of `Candidate`; exactly one is chosen.
    """
    if query_length is None or key_length is None:
        return _verdicts(False, "the length is unknown, so memory must stay linear")
    if query_length * key_length > _LARGEST_MATRIX:
        return _verdicts(False, f"{query_length} x {key_length} scores are too many")
    if max(query_length, key_length) <= _SHORT_TEXT:
        return _verdicts(True, f"at most {_SHORT_TEXT} keys: one matrix is quickest")
    reach = pattern.max_left + pattern.max_right + 1
    if 2 * reach >= key_length:
        return _verdicts(True, f"the band reaches {reach} of {key_length} keys")
    return _verdicts(False, f"the band reaches only {reach} of {key_length} keys")


def choose(implementation, pattern, query_length, key_length):
    """The implementation to call.

    Args:
        implementation: `"auto"`, or the name of one.
        pattern: `longkeras.patterns.BandedPattern`.
        query_length: int or None.
        key_length: int or None.

    Returns:
        callable with the signature in `longkeras.ops.implementations`.

    Raises:
        ValueError: If the name is unknown, or the one asked for cannot run.
    """
    found = candidates(pattern, query_length, key_length)
    if implementation == "auto":
        return next(c.attend for c in found if c.chosen)
    for candidate in found:
        if candidate.name == implementation:
            if not candidate.can_run:
                raise ValueError(
                    f"`implementation` {implementation!r} cannot run here: "
                    f"{candidate.reason}. Received: implementation={implementation!r}"
                )
            return candidate.attend
    names = ", ".join(repr(c.name) for c in found)
    raise ValueError(
        f"`implementation` must be 'auto' or one of {names}. "
        f"Received: implementation={implementation!r}"
    )


def explain(pattern, query_length=None, key_length=None):
    """Say in words which implementation a call would get, and why.

    Args:
        pattern: `longkeras.patterns.BandedPattern`.
        query_length: int. Defaults to `None`, a length unknown while tracing.
        key_length: int. Defaults to `query_length`.

    Returns:
        str, one line for each implementation.

    Example:

    ```python
    from longkeras.ops import explain
    from longkeras.patterns import BandedPattern

    print(explain(BandedPattern.causal(256), query_length=16384))
    ```
    """
    key_length = query_length if key_length is None else key_length
    lines = []
    for candidate in candidates(pattern, query_length, key_length):
        verdict = "chosen" if candidate.chosen else "not chosen"
        lines.append(f"{candidate.name}: {verdict}, {candidate.reason}")
    return "\n".join(lines)


def _verdicts(take_dense, reason):
    return [
        Candidate("dense", dense.attend, True, take_dense, reason),
        Candidate("blocked", blocked.attend, True, not take_dense, reason),
    ]
