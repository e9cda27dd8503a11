"""Run benchmarks: `python -m benchmarks.run attention`."""

import argparse
import dataclasses
import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.heats import measure_heats
from benchmarks.measurement import available_bytes
from benchmarks.registry import CASES, PLATFORMS, load_case
from benchmarks.verify import verify
from tools import machine

_ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("results")
# The largest share of free memory to use: the machine may have other users.
_SHARE_OF_MEMORY = 0.5


_REPEATS = 5
# Load above which times are not representative of the machine.
_BUSY = 0.5


@dataclasses.dataclass(frozen=True)
class Options:
    """Selection of the points of a case, and the effort of measuring them.

    Args:
        repeats: int. Measured calls a point. Defaults to `None`: 5, or what
            `budget` allows where contestants take turns.
        budget: float. Seconds a point where contestants take turns, three of which
            it gets anyway. Defaults to `1.0`.
        lengths: list of int. Only these. Defaults to `None`, all.
        contestants: list of str. Only these. Defaults to `None`, all.
        groups: list of str. Only these. Defaults to `None`, all.
        sizes: dict of int. Other values for what the points of a case name, such as
            `num_layers`. Defaults to `None`.
        platform: str, `"cpu"` or `"gpu"`. Defaults to `"cpu"`.
        is_smoke: bool. The case's `smoke_points` instead. Defaults to `False`.
    """

    repeats: int | None = None
    budget: float = 1.0
    lengths: list | None = None
    contestants: list | None = None
    groups: list | None = None
    sizes: dict | None = None
    platform: str = "cpu"
    is_smoke: bool = False

    def points(self, case):
        """The points of `case` that are asked for."""
        chosen = {
            "length": self.lengths,
            "contestant": self.contestants,
            "group": self.groups,
        }
        return [
            {**point, **{k: v for k, v in (self.sizes or {}).items() if k in point}}
            for point in (case.smoke_points if self.is_smoke else case.points)
            if all(
                not values or point.get(name) in values
                for name, values in chosen.items()
            )
        ]


def main(argv=None):
    """Run the named cases and write a JSON file each."""
    arguments = vars(_parser().parse_args(argv))
    names, results = arguments.pop("names"), arguments.pop("results")
    platform = arguments.pop("platform")
    if platform == "auto":
        platform = "cpu" if machine.gpu() is None else "gpu"
    sizes = dict(arguments.pop("sizes"))
    options = Options(platform=platform, sizes=sizes, **arguments)
    for name in names:
        result = run_case(name, options)
        results.mkdir(parents=True, exist_ok=True)
        file_name = f"{name}.{result['backend']}.{machine.machine_name(platform)}.json"
        path = results / file_name
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print(f"{name}: written to {path}")


def run_case(name, options):
    """Verify a case, then measure each of its points.

    Args:
        name: str. A key of `benchmarks.registry.CASES`.
        options: `Options`.

    Returns:
        dict, ready for JSON.

    Raises:
        RuntimeError: If the case's tests fail, or the process of a point does.
    """
    case = load_case(name, options.platform)
    points = options.points(case)
    load_before = machine.load()
    if load_before is not None and load_before > _BUSY:
        _say(f"{name}: load {load_before:.1f}: wait until other work has ended")
    if not options.is_smoke:
        print(f"{name}: running its tests", flush=True)
        verify(case)
    result = {
        "case": name,
        "title": case.title,
        "description": case.description,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "commit": machine.commit(),
        "versions": machine.versions(),
        "hardware": machine.hardware(),
        "load_before": load_before,
        "repeats": options.repeats,
    }
    start = time.monotonic()
    if case.contestants is None:
        repeats = options.repeats or _REPEATS
        measured = [_measure_point(name, case, point, repeats) for point in points]
        return {**result, "repeats": repeats, "points": measured}
    measured = measure_heats(case, points, options.budget, options.repeats, _say)
    targets = case.evaluate(measured) if case.evaluate else []
    for row in targets:
        _say(f"{_VERDICTS[row['is_met']]}: {row['target']}: {row['reached']}")
    return {
        **result,
        "backend": options.platform,
        "contestants": {key: c.title for key, c in case.contestants.items()},
        "took_seconds": time.monotonic() - start,
        "targets": targets,
        "points": measured,
    }


_VERDICTS = {True: "met", False: "MISSED", None: "stated"}


def _say(line):
    print(line, flush=True)


def _measure_point(name, case, point, repeats):
    words = ", ".join(f"{key} {value}" for key, value in point.items())
    free, needed = available_bytes(), case.required_bytes(**point)
    if free is not None and needed > _SHARE_OF_MEMORY * free:
        reason = f"needs about {needed / 2**30:.1f} GiB of {free / 2**30:.1f} GiB free"
        print(f"{name}: {words}: skipped, {reason}", flush=True)
        return {**point, "skipped": reason}
    command = [sys.executable, "-m", "benchmarks.point", name, json.dumps(point)]
    answer = subprocess.run(
        [*command, str(repeats)],
        cwd=_ROOT,
        env={"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise RuntimeError(
            f"{name}: {words} ended with code {answer.returncode}\n"
            f"{answer.stderr[-3000:]}"
        )
    result = json.loads(answer.stdout.splitlines()[-1])
    seconds, rise = result["seconds"]["median"], result["peak_rise_bytes"]
    memory = "unknown" if rise is None else f"{rise / 2**20:.0f} MiB"
    print(f"{name}: {words}: {seconds:.3f} s, {memory}", flush=True)
    return result


def _size(text):
    name, _, number = text.partition("=")
    return name, int(number)


def _parser():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names",
        nargs="+",
        choices=sorted(CASES),
        metavar="NAME",
        help=f"cases to run: {', '.join(sorted(CASES))}",
    )
    parser.add_argument(
        "--repeats", type=int, help="calls per point (5; in turns: as --budget allows)"
    )
    parser.add_argument(
        "--budget", type=float, default=1.0, help="seconds per point, in turns (1)"
    )
    parser.add_argument("--lengths", type=int, nargs="+", help="only these lengths")
    parser.add_argument("--contestants", nargs="+", help="only these implementations")
    parser.add_argument("--groups", nargs="+", help="only these groups of a case")
    parser.add_argument(
        "--sizes",
        type=_size,
        nargs="+",
        default=[],
        metavar="NAME=NUMBER",
        help="other sizes of the points, such as num_layers=2 length=1024",
    )
    parser.add_argument(
        "--platform",
        choices=("auto", *PLATFORMS),
        default="auto",
        help="variant of the case (auto: gpu if there is one)",
    )
    parser.add_argument(
        "--smoke",
        action="store_true",
        dest="is_smoke",
        help="try tiny sizes, without running the tests first",
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="output folder")
    return parser


if __name__ == "__main__":
    main()
