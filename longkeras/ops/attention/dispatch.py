"""Choice of the kernels that serve a call of attention, and the call itself.

One table holds every kernel with its conditions and its cost. `plan` compares them for
a `CallSignature`, `run` does what the plan says, and `explain` prints it.
"""

import dataclasses
import functools

import keras

from longkeras.ops.attention import call_recorder
from longkeras.ops.attention.kernels import (
    absorbed_projections,
    blocked,
    dense,
    full,
    global_queries,
    scaled_dot_product,
)
from longkeras.ops.attention.kernels.tile_schedule import block_length
from longkeras.ops.attention.spec import UNBOUNDED
from longkeras.ops.backend import xla_compile
from longkeras.ops.backend.device import runs_on_cpu

# Below this many keys a score matrix is faster than tiles.
_SHORT = 256
# Tiles are faster while they hold at most this share of all keys.
_NARROW_TILE = 0.65
# A score matrix larger than this (entries a head) is built only if forced.
_LARGEST_MATRIX = 1024 * 1024
# Tokens from which on absorbed projections are faster than projecting every token.
_LONG = 512
_NEVER = float("inf")


def _device():
    return "cpu" if runs_on_cpu() else "gpu"


@dataclasses.dataclass(frozen=True)
class CallSignature:
    """Static properties of a call, known before it runs.

    Args:
        pattern: `longkeras.patterns.BandedPattern`.
        query_length: int, or None if it is unknown while tracing.
        key_length: int, or None.
        is_masked: bool, whether global keys or documents are given.
        has_dropout: bool.
        has_padding: bool, whether a padding mask is given.
        global_rows: None without global queries; `"projected"` if their queries, keys
            and values are given; `"absorbable"` if hidden states and the weights of
            the projections may be given instead.
        backend: str. Defaults to Keras' backend.
        device: `"cpu"` or `"gpu"`, any accelerator. Defaults to where tensors live.
        is_graph: bool, whether TensorFlow is tracing a graph. Defaults to now.
    """

    pattern: object
    query_length: object
    key_length: object
    is_masked: bool = False
    has_dropout: bool = False
    has_padding: bool = False
    global_rows: str | None = None
    backend: str = dataclasses.field(default_factory=keras.backend.backend)
    device: str = dataclasses.field(default_factory=_device)
    is_graph: bool = dataclasses.field(default_factory=xla_compile.is_tracing)

    @classmethod
    def of(cls, query, key, spec, global_rows=None):
        """The signature of a call with these tensors and this `AttentionSpec`."""
        return cls(
            spec.pattern,
            query.shape[1],
            key.shape[1],
            is_masked=not (spec.global_mask is None and spec.document_ids is None),
            has_dropout=bool(spec.dropout),
            has_padding=spec.key_mask is not None,
            global_rows=None if spec.global_mask is None else global_rows,
        )

    @property
    def is_long(self):
        """bool. A score matrix would be too large, or might be."""
        if self.query_length is None or self.key_length is None:
            return True
        return self.query_length * self.key_length > _LARGEST_MATRIX

    @property
    def tile(self):
        """int. Keys that a block of queries meets."""
        left, right = self.pattern.left, self.pattern.right
        width = left + block_length(left, right) + right
        return width if self.key_length is None else min(width, self.key_length)


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A row of the table.

    Args:
        name: str, the value of `implementation` that forces it.
        attend: callable, see `longkeras.ops.attention.kernels`.
        obstacle: callable of a `CallSignature`: why it cannot run, None if it can.
        cost: callable of a `CallSignature`: `(cost, reason)`, in scores that the dense
            kernel computes for a query and a head in the same time.
    """

    name: str
    attend: object
    obstacle: object
    cost: object


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A kernel's verdict for one call.

    Args:
        name: str.
        attend: callable.
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
class Plan:
    """Kernel, global rows and compilation of a call.

    Args:
        candidates: tuple of `Candidate`, every kernel of the band.
        kernel: `Candidate`, the kernel of the band.
        global_rows: str or None: `"absorbed"`, `"dense"`, `"tiled"`, or None if no
            global query has projections of its own.
        global_rows_reason: str.
        is_compiled: bool, whether the call is an XLA program of its own.
        compile_reason: str.
    """

    candidates: tuple
    kernel: Candidate
    global_rows: str | None
    global_rows_reason: str
    is_compiled: bool
    compile_reason: str


def _full_cost(signature):
    if signature.is_long:
        return _NEVER, _too_many(signature)
    if signature.backend == "torch" and signature.has_padding:
        return _NEVER, "`scaled_dot_product` also skips padding that hides nothing"
    if signature.device == "cpu":
        # Measured on two busy cores, 12 heads of 64, 128 to 1,024 tokens, forward and
        # training: on JAX 1.0 to 1.6 and 0.7 to 3.3 times the dense kernel's time, on
        # TensorFlow with padding 0.8 to 1.2 and 1.1 to 1.6 times.
        if signature.backend == "jax":
            return 1.3 * signature.key_length, "JAX has no fused kernel for a CPU"
        if signature.has_padding:
            reason = "without a fused kernel one score matrix is faster with padding"
            return 1.2 * signature.key_length, reason
    return 0.8 * signature.key_length, "the band covers the text: Keras' own is fastest"


def _scaled_dot_product_cost(signature):
    cost = 0.9 * signature.tile
    return cost, "PyTorch's fused kernel is faster than tiles or a matrix of ours"


def _dense_cost(signature):
    if signature.is_long:
        if signature.query_length is None and signature.pattern.left >= UNBOUNDED:
            return 0.0, "every key is seen, and their number is unknown"
        return _NEVER, _too_many(signature)
    if _is_short(signature):
        reason = f"under {_SHORT} keys one score matrix is fastest"
    elif signature.tile > _NARROW_TILE * signature.key_length:
        reason = f"{_met(signature)}: one score matrix is faster than tiles"
    else:
        reason = f"{_met(signature)}: tiles are faster than one score matrix"
    return signature.key_length, reason


def _blocked_cost(signature):
    if _is_short(signature):
        return _NEVER, f"under {_SHORT} keys one score matrix is faster"
    cost = signature.tile / _NARROW_TILE
    if signature.is_long:
        return cost, "time and memory stay linear in the length"
    return cost, f"{_met(signature)} in a tile"


def _is_short(signature):
    lengths = signature.query_length, signature.key_length
    return None not in lengths and max(lengths) < _SHORT


def _met(signature):
    return f"a block meets {signature.tile} of {signature.key_length} keys"


def _too_many(signature):
    if signature.query_length is None or signature.key_length is None:
        return "the length is unknown, so memory must stay linear"
    return (
        f"{signature.query_length} x {signature.key_length} scores a head are too many"
    )


def _none(signature):
    """No obstacle: the kernel serves every call."""


KERNELS = (
    Kernel("full", full.attend, full.obstacle, _full_cost),
    Kernel(
        "scaled_dot_product",
        scaled_dot_product.attend,
        scaled_dot_product.obstacle,
        _scaled_dot_product_cost,
    ),
    Kernel("dense", dense.attend, _none, _dense_cost),
    Kernel("blocked", blocked.attend, _none, _blocked_cost),
)
GLOBAL_ROWS = {
    "absorbed": absorbed_projections.replace,
    "dense": dense.replace,
    "tiled": global_queries.replace,
}


def plan(signature, implementation="auto"):
    """Everything that is decided about a call.

    Args:
        signature: `CallSignature`.
        implementation: `"auto"`, or the name of a kernel. Defaults to `"auto"`.

    Returns:
        `Plan`.

    Raises:
        ValueError: If the name is unknown, or the kernel asked for cannot run.
    """
    found = candidates(signature)
    kernel = _chosen(implementation, found)
    return Plan(
        tuple(found),
        kernel,
        *_plan_global_rows(signature, kernel),
        *_plan_compilation(signature, has_loop=kernel.name == "blocked"),
    )


def candidates(signature):
    """Every kernel of the band with its verdict, in the order of the table.

    Args:
        signature: `CallSignature`.

    Returns:
        list of `Candidate`; exactly one is chosen, the cheapest that can run.
    """
    found = []
    for kernel in KERNELS:
        obstacle = kernel.obstacle(signature)
        cost, reason = (_NEVER, obstacle) if obstacle else kernel.cost(signature)
        found.append((cost, kernel, obstacle is None, reason))
    # Of equal ones the last, which needs the least memory.
    cheapest = min(reversed(found), key=lambda verdict: verdict[0])
    return [
        Candidate(kernel.name, kernel.attend, can_run, kernel is cheapest[1], reason)
        for _, kernel, can_run, reason in found
    ]


def _chosen(implementation, found):
    if implementation == "auto":
        return next(candidate for candidate in found if candidate.chosen)
    for candidate in found:
        if candidate.name == implementation:
            if not candidate.can_run:
                raise ValueError(
                    f"`implementation` {implementation!r} cannot run here: "
                    f"{candidate.reason}. Received: implementation={implementation!r}"
                )
            return candidate
    names = ", ".join(repr(candidate.name) for candidate in found)
    raise ValueError(
        f"`implementation` must be 'auto' or one of {names}. "
        f"Received: implementation={implementation!r}"
    )


def _plan_global_rows(signature, kernel):
    """`(name, reason)`: how global queries with their own projections are answered."""
    if signature.global_rows is None:
        return None, "no global query has projections of its own"
    if kernel.name == "dense":
        return "dense", "the text is short: one score matrix, of which their rows count"
    length = signature.key_length
    if signature.global_rows != "absorbable":
        reason = "their queries, keys and values are given for the whole text"
    elif signature.backend == "torch":
        reason = "PyTorch projects a whole text fast"
    elif length is not None and length < _LONG:
        reason = f"under {_LONG} tokens projecting the whole text is faster"
    else:
        return "absorbed", "few rows need no projection of the whole text"
    return "tiled", reason


def _plan_compilation(signature, has_loop):
    """`(is_compiled, reason)`."""
    if signature.backend != "tensorflow":
        return False, "only TensorFlow needs XLA for loops"
    if not has_loop:
        return False, "there is no loop over tiles"
    least = xla_compile.least_length(signature.is_graph)
    where = "in a graph" if signature.is_graph else "in eager mode"
    length = signature.query_length
    if length is None or length >= least:
        return True, f"it pays from {least} tokens on {where}"
    return False, f"it does not pay under {least} tokens {where}"


def run(signature, planned, tensors, spec, owner=None):
    """Run a call as it was planned.

    Args:
        signature: `CallSignature`.
        planned: `Plan` of the signature.
        tensors: query, key and value, then what `planned.global_rows` needs: the three
            projections of global queries, or hidden states and the three weights
            `(hidden_dim + 1, heads, head_dim)`, biases in the last row.
        spec: `longkeras.ops.attention.spec.AttentionSpec`.
        owner: str. The layer that calls, for `explain`. Defaults to `None`.

    Returns:
        Tensor like the query.
    """
    call_recorder.record(owner, signature, planned)
    function = planned.kernel.attend
    if planned.global_rows is not None:
        function = _with_global_rows(function, GLOBAL_ROWS[planned.global_rows])
    if planned.is_compiled:
        return xla_compile.run_compiled(function, tensors, spec)
    return function(*tensors, spec)


@functools.cache
def _with_global_rows(attend, replace):
    """A kernel of the band followed by the rows of global queries.

    Cached, because a compiled program is kept for each function.
    """

    def attend_all(query, key, value, *for_rows_and_spec):
        *for_rows, spec = for_rows_and_spec
        if replace is not GLOBAL_ROWS["dense"]:
            # Sorted once for columns, rows, and the gradients of both.
            spec = spec.with_global_order()
        output = attend(query, key, value, spec)
        return replace(output, *for_rows, spec)

    return attend_all


def run_loop(attend, tensors, spec):
    """Run the one kernel of an op without a choice, which loops over tiles.

    Args:
        attend: callable of the tensors and the spec.
        tensors: query and key first.
        spec: `longkeras.ops.attention.spec.AttentionSpec`.

    Returns:
        What `attend` returns.
    """
    signature = CallSignature.of(*tensors[:2], spec)
    is_compiled, _ = _plan_compilation(signature, has_loop=True)
    if is_compiled:
        return xla_compile.run_compiled(attend, tensors, spec)
    return attend(*tensors, spec)
