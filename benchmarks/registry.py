"""Which benchmarks there are, and what a case consists of."""

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any

CASES = {
    "attention": "benchmarks.cases.attention",
    "attention_memory": "benchmarks.cases.attention_memory",
    "decoding": "benchmarks.cases.decoding",
    "longformer_model": "benchmarks.cases.longformer_model",
    "reading_memory": "benchmarks.cases.reading_memory",
    "recurrent": "benchmarks.cases.recurrent",
}
# The same questions where an NVIDIA GPU is found.
GPU_CASES = {"attention": "benchmarks.cases.attention_on_gpu"}
PLATFORMS = ("cpu", "gpu")


@dataclasses.dataclass(frozen=True)
class Workload:
    """What one point of a case runs, ready to be measured.

    Args:
        run: callable without arguments. Does the work and waits for its end.
        facts: dict. What the point worked on, for the result: sizes, names.
        peak_rise: callable without arguments, or None. Bytes that a call takes on
            an accelerator, whose memory the operating system does not see.
        arrays: callable of what `run` returns, or None. The same as NumPy arrays,
            the output and then the gradients `(batch, sequence, heads, head_dim)`.
    """

    run: Callable[[], Any]
    facts: dict[str, Any]
    peak_rise: Callable[[], int | None] | None = None
    arrays: Callable[[Any], list[Any]] | None = None


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A program that is timed in turns with others, in a process that stays alive.

    Args:
        title: str. How the report names it.
        module: str. Where its `prepare(contestant, **point)` is, a dotted name.
        environment: dict of str. Environment variables of its process.
        memory_environment: dict of str, or None. Variables of a second process in
            which memory is measured: with these it gives back what it frees.
        is_eager: bool. Nothing is compiled: once any point has run, the next needs
            no call that does not count. Defaults to `False`.
    """

    title: str
    module: str
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    memory_environment: Mapping[str, str] | None = None
    is_eager: bool = False

    def prepare(self, **point):
        """The `Workload` of a point; imports the module."""
        return importlib.import_module(self.module).prepare(**point)


@dataclasses.dataclass(frozen=True)
class Case:
    """A benchmark: some points, each measured in a process of its own.

    With `contestants` the points are grouped in heats: all points of one heat are
    timed in turns, A B C A B C, each contestant in one process for the whole run.

    Args:
        title: str. Heading in the report.
        description: str. What is measured and how, in a sentence or two.
        tests: tuple of str. Arguments for pytest; the case is refused if they fail.
        points: tuple of dicts. Parameters of `prepare`, each with a `contestant`
            and a `length`; with `contestants` also a `group` and a `heat`.
        prepare: callable. Takes one point as keywords, returns a `Workload`.
        required_bytes: callable. Takes one point as keywords, returns an estimate of
            the memory it needs; a point that does not fit is skipped and says so.
        contestants: dict of `Contestant` by name, or None.
        groups_without_memory: tuple of str, groups of points of which time alone is
            measured.
        groups_called_once: tuple of str, groups of points of which the first call in
            a process is timed, and no other.
        has_fresh_processes: bool. For what fills the machine: the processes end with
            their heat, one at a time is prepared, and memory is the peak of the whole
            process and not the rise in a call. Defaults to `False`.
        least_turns: int. Turns that a point gets however slow it is. Defaults to `3`.
        smoke_points: tuple of dicts, points that take seconds altogether.
        evaluate: callable of the measured points, or None. Returns a list of dicts
            with the `target`, what was `reached` and whether it `is_met`.
    """

    title: str
    description: str
    tests: tuple[str, ...]
    points: tuple[dict[str, Any], ...]
    prepare: Callable[..., Workload]
    required_bytes: Callable[..., int]
    contestants: Mapping[str, Contestant] | None = None
    groups_without_memory: tuple[str, ...] = ()
    groups_called_once: tuple[str, ...] = ()
    has_fresh_processes: bool = False
    least_turns: int = 3
    smoke_points: tuple[dict[str, Any], ...] = ()
    evaluate: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] | None = None


def load_case(name: str, platform: str = "cpu") -> Case:
    """The case of that name.

    Args:
        name: str. A key of `CASES`.
        platform: str. `"gpu"` for the variant that runs there, where there is one.
            Defaults to `"cpu"`.

    Returns:
        A `Case`.

    Raises:
        ValueError: If there is no such case.
    """
    if name not in CASES:
        raise ValueError(f"`name` must be one of {sorted(CASES)}. Received: {name=}")
    modules = {**CASES, **GPU_CASES} if platform == "gpu" else CASES
    return importlib.import_module(modules[name]).CASE
