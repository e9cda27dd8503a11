"""Which benchmarks there are, and what a case consists of."""

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

CASES = {
    "attention_memory": "benchmarks.cases.attention_memory",
    "reading_memory": "benchmarks.cases.reading_memory",
}


@dataclasses.dataclass(frozen=True)
class Workload:
    """What one point of a case runs, ready to be measured.

    Args:
        run: callable without arguments. Does the work and waits for its end.
        facts: dict. What the point worked on, for the result: sizes, names.
    """

    run: Callable[[], Any]
    facts: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Case:
    """A benchmark: some points, each measured in a process of its own.

    Args:
        title: str. Heading in the report.
        description: str. What is measured and how, in a sentence or two.
        tests: tuple of str. Arguments for pytest; the case is refused if they fail.
        points: tuple of dicts. Parameters of `prepare`, each with a `contestant`
            and a `length`.
        prepare: callable. Takes one point as keywords, returns a `Workload`.
        required_bytes: callable. Takes one point as keywords, returns an estimate of
            the memory it needs; a point that does not fit is skipped and says so.
    """

    title: str
    description: str
    tests: tuple[str, ...]
    points: tuple[dict[str, Any], ...]
    prepare: Callable[..., Workload]
    required_bytes: Callable[..., int]


def load_case(name: str) -> Case:
    """The case of that name.

    Args:
        name: str. A key of `CASES`.

    Returns:
        A `Case`.

    Raises:
        ValueError: If there is no such case.
    """
    if name not in CASES:
        raise ValueError(f"`name` must be one of {sorted(CASES)}. Received: {name=}")
    return importlib.import_module(CASES[name]).CASE
