"""Which implementation serves a call: decided from static facts alone."""

import dataclasses

import keras

from longkeras.ops.implementations import (
    blocked,
    dense,
    full,
    scaled_dot_product,
)
from longkeras.ops.implementations.platform import runs_on_cpu
from longkeras.ops.implementations.walk import block_length

# Below this many keys one score matrix is quicker than a walk.
_SHORT_TEXT = 256
# A walk over tiles of at most this share of the keys is quicker than one matrix.
_NARROW_TILE = 0.65
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


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of a call before it runs.

    Args:
        pattern: `longkeras.patterns.BandedPattern`.
        query_length: int, or None where it is not known while tracing.
        key_length: int, or None.
        is_masked: bool, whether padding, global keys or documents are given.
        has_dropout: bool.
    """

    pattern: object
    query_length: object
    key_length: object
    is_masked: bool = False
    has_dropout: bool = False

    @property
    def is_long(self):
        """Whether a score matrix would be too large, or might be."""
        if self.query_length is None or self.key_length is None:
            return True
        return self.query_length * self.key_length > _LARGEST_MATRIX

    @property
    def tile(self):
        """Keys that a block of queries meets in a walk."""
        left, right = self.pattern.left, self.pattern.right
        return left + block_length(left, right) + right


def candidates(facts):
    """Every implementation with its verdict, in the order they are considered.

    Args:
        facts: `Facts`.

    Returns:
        list of `Candidate`; exactly one is chosen.
    """
    verdicts = [
        ("full", full.attend, *_full(facts)),
        ("scaled_dot_product", scaled_dot_product.attend, *_scaled_dot_product(facts)),
        ("dense", dense.attend, *_dense(facts)),
        ("blocked", blocked.attend, True, True, _blocked_reason(facts)),
    ]
    found, is_open = [], True
    for name, attend, can_run, is_wanted, reason in verdicts:
        chosen = is_open and can_run and is_wanted
        is_open = is_open and not chosen
        found.append(Candidate(name, attend, can_run, chosen, reason))
    return found


def choose(implementation, facts):
    """The implementation to call.

    Args:
        implementation: `"auto"`, or the name of one.
        facts: `Facts`.

    Returns:
        callable with the signature in `longkeras.ops.implementations`.

    Raises:
        ValueError: If the name is unknown, or the one asked for cannot run.
    """
    found = candidates(facts)
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


def explain(
    pattern,
    query_length=None,
    key_length=None,
    is_masked=False,
    has_dropout=False,
):
    """Say in words which implementation a call would get, and why.

    Args:
        pattern: `longkeras.patterns.BandedPattern`.
        query_length: int. Defaults to `None`, a length unknown while tracing.
        key_length: int. Defaults to `query_length`.
        is_masked: bool, whether the call brings padding, global keys or documents.
            Defaults to `False`.
        has_dropout: bool. Defaults to `False`.

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
    facts = Facts(pattern, query_length, key_length, is_masked, has_dropout)
    lines = []
    for candidate in candidates(facts):
        verdict = "chosen" if candidate.chosen else "not chosen"
        if not candidate.can_run:
            verdict = "cannot run"
        lines.append(f"{candidate.name}: {verdict}, {candidate.reason}")
    return "\n".join(lines)


def _full(facts):
    is_plain = not (facts.is_masked or facts.has_dropout)
    obstacle = full.obstacle(
        facts.pattern, facts.query_length, facts.key_length, is_plain
    )
    if obstacle:
        return False, False, obstacle
    if facts.is_long:
        return True, False, _too_many(facts)
    if keras.backend.backend() == "jax" and runs_on_cpu():
        # Measured: 1e-5 off where ours is 1e-6 off, and never quicker.
        return True, False, "JAX's own is less exact on a CPU, and not quicker"
    return True, True, "the band covers the text: nothing is quicker than Keras' own"


def _scaled_dot_product(facts):
    obstacle = scaled_dot_product.why_not(1.0 if facts.has_dropout else 0.0)
    if obstacle:
        return False, False, obstacle
    return True, True, "PyTorch's fused kernel is quicker than a walk of ours"


def _dense(facts):
    if facts.is_long:
        return True, False, _too_many(facts)
    if max(facts.query_length, facts.key_length) < _SHORT_TEXT:
        return True, True, f"under {_SHORT_TEXT} keys one score matrix is quickest"
    met = (
        f"a block meets {min(facts.tile, facts.key_length)} of {facts.key_length} keys"
    )
    if facts.tile > _NARROW_TILE * facts.key_length:
        return True, True, f"{met}: one score matrix is quicker than a walk"
    return True, False, f"{met}: a walk is quicker than one score matrix"


def _blocked_reason(facts):
    if facts.is_long:
        return "time and memory stay linear in the length"
    return "it serves where neither of the others is quicker"


def _too_many(facts):
    if facts.query_length is None or facts.key_length is None:
        return "the length is unknown, so memory must stay linear"
    return f"{facts.query_length} x {facts.key_length} scores a head are too many"
