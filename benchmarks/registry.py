"""Registry of the benchmark cases, and the classes that describe them."""

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
# Variants for machines with an NVIDIA GPU.
GPU_CASES = {"attention": "benchmarks.cases.attention_on_gpu"}
PLATFORMS = ("cpu", "gpu")


@dataclasses.dataclass(frozen=True)
class Workload:
    """The prepared work of one point of a case, ready to be measured.

    Args:
        run: callable without arguments. Does the work and waits until it is done.
        facts: dict. Description of the work for the result: sizes, names.
        peak_rise: callable without arguments, or None. Peak bytes of a call on an
            accelerator, whose memory the operating system does not report.
        arrays: callable of the result of `run`, or None. Converts it to NumPy arrays:
            the output, then the gradients `(batch, sequence, heads, head_dim)`.
    """

    run: Callable[[], Any]
    facts: dict[str, Any]
    peak_rise: Callable[[], int | None] | None = None
    arrays: Callable[[Any], list[Any]] | None = None


@dataclasses.dataclass(frozen=True)
class Contestant:
    """An implementation that is timed in turns with others, in a process of its own.

    Args:
        title: str. Its name in the report.
        module: str. Dotted name of the module with its `prepare(contestant, **point)`.
        environment: dict of str. Environment variables of its process.
        memory_environment: dict of str, or None. Environment variables of a second
            process for measuring memory, in which freed memory is returned.
        is_eager: bool. Whether nothing is compiled, so that only the first point
            needs a warm-up call. Defaults to `False`.
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
    """A benchmark: a set of points, each measured in a process of its own.

    With `contestants` the points are grouped in heats. The points of a heat are timed
    in turns, A B C A B C, and each contestant has one process for the whole run.

    Args:
        title: str. Heading in the report.
        description: str. The measurement and its method, in a few sentences.
        tests: tuple of str. Arguments for pytest; the case is refused if they fail.
        points: tuple of dicts. Parameters of `prepare`, each with a `contestant`
            and a `length`; with `contestants` also a `group` and a `heat`.
        prepare: callable. Takes one point as keywords, returns a `Workload`.
        required_bytes: callable. Takes one point as keywords, returns an estimate of
            the memory it needs; a point that does not fit is skipped and says so.
        contestants: dict of `Contestant` by name, or None.
        groups_without_memory: tuple of str, groups in which only time is measured.
        groups_called_once: tuple of str, groups in which only the first call in a
            process is timed.
        has_fresh_processes: bool. For cases that fill the machine: the processes end
            with their heat, one at a time is prepared, and memory is the peak of the
            whole process instead of the rise during a call. Defaults to `False`.
        least_turns: int. Minimum number of turns of a point. Defaults to `3`.
        smoke_points: tuple of dicts, points that take seconds altogether.
        evaluate: callable of the measured points, or None. Returns a list of dicts
            with the `target`, the value `reached` and whether it `is_met`.
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
    """Load a case by name.

    Args:
        name: str. A key of `CASES`.
        platform: str. `"gpu"` for the GPU variant, if there is one.
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
