"""Which implementation serves a call: decided from static facts alone."""

import dataclasses

import keras

from longkeras.ops.attention.kernels import blocked, dense, full, scaled_dot_product
from longkeras.ops.attention.kernels.tile_schedule import block_length
from longkeras.ops.backend.device import runs_on_cpu

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
        attend: callable, see `longkeras.ops.attention.kernels`.
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
class CallSignature:
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


def candidates(signature):
    """Every implementation with its verdict, in the order they are considered.

    Args:
        signature: `CallSignature`.

    Returns:
        list of `Candidate`; exactly one is chosen.
    """
    verdicts = [
        ("full", full.attend, *_full(signature)),
        (
            "scaled_dot_product",
            scaled_dot_product.attend,
            *_scaled_dot_product(signature),
        ),
        ("dense", dense.attend, *_dense(signature)),
        ("blocked", blocked.attend, True, True, _blocked_reason(signature)),
    ]
    found, is_open = [], True
    for name, attend, can_run, is_wanted, reason in verdicts:
        chosen = is_open and can_run and is_wanted
        is_open = is_open and not chosen
        found.append(Candidate(name, attend, can_run, chosen, reason))
    return found


def choose(implementation, signature):
    """The implementation to call.

    Args:
        implementation: `"auto"`, or the name of one.
        signature: `CallSignature`.

    Returns:
        callable with the signature in `longkeras.ops.attention.kernels`.

    Raises:
        ValueError: If the name is unknown, or the one asked for cannot run.
    """
    found = candidates(signature)
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
    signature = CallSignature(pattern, query_length, key_length, is_masked, has_dropout)
    lines = []
    for candidate in candidates(signature):
        verdict = "chosen" if candidate.chosen else "not chosen"
        if not candidate.can_run:
            verdict = "cannot run"
        lines.append(f"{candidate.name}: {verdict}, {candidate.reason}")
    return "\n".join(lines)


def _full(signature):
    is_plain = not (signature.is_masked or signature.has_dropout)
    obstacle = full.obstacle(
        signature.pattern, signature.query_length, signature.key_length, is_plain
    )
    if obstacle:
        return False, False, obstacle
    if signature.is_long:
        return True, False, _too_many(signature)
    if keras.backend.backend() == "jax" and runs_on_cpu():
        # Measured: 1e-5 off where ours is 1e-6 off, and never quicker.
        return True, False, "JAX's own is less exact on a CPU, and not quicker"
    return True, True, "the band covers the text: nothing is quicker than Keras' own"


def _scaled_dot_product(signature):
    obstacle = scaled_dot_product.why_not(1.0 if signature.has_dropout else 0.0)
    if obstacle:
        return False, False, obstacle
    return True, True, "PyTorch's fused kernel is quicker than a walk of ours"


def _dense(signature):
    if signature.is_long:
        return True, False, _too_many(signature)
    if max(signature.query_length, signature.key_length) < _SHORT_TEXT:
        return True, True, f"under {_SHORT_TEXT} keys one score matrix is quickest"
    met = (
        f"a block meets {min(signature.tile, signature.key_length)} of "
        f"{signature.key_length} keys"
    )
    if signature.tile > _NARROW_TILE * signature.key_length:
        return True, True, f"{met}: one score matrix is quicker than a walk"
    return True, False, f"{met}: a walk is quicker than one score matrix"


def _blocked_reason(signature):
    if signature.is_long:
        return "time and memory stay linear in the length"
    return "it serves where neither of the others is quicker"


def _too_many(signature):
    if signature.query_length is None or signature.key_length is None:
        return "the length is unknown, so memory must stay linear"
    return (
        f"{signature.query_length} x {signature.key_length} scores a head are too many"
    )
