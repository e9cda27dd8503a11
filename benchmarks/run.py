"""Runs benchmarks: `python -m benchmarks.run attention_memory`."""

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import machine
from benchmarks.measurement import available_bytes
from benchmarks.registry import CASES, load_case
from benchmarks.verify import verify

_ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("results")
# Of the memory that is free, at most this share: the machine may have other users.
_SHARE_OF_MEMORY = 0.5


def main(argv=None):
    """Run the named cases and write a JSON file each."""
    arguments = _parser().parse_args(argv)
    for name in arguments.names:
        result = run_case(name, arguments.repeats, arguments.lengths)
        arguments.results.mkdir(parents=True, exist_ok=True)
        file_name = f"{name}.{result['backend']}.{machine.machine_name()}.json"
        path = arguments.results / file_name
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print(f"{name}: written to {path}")


def run_case(name, repeats, lengths=None):
    """Verify a case, then measure each of its points in a process of its own.

    Args:
        name: str. A key of `benchmarks.registry.CASES`.
        repeats: int. Measured calls a point.
        lengths: list of int. Measure these lengths only. Defaults to `None`, all.

    Returns:
        dict, ready for JSON.

    Raises:
        RuntimeError: If the case's tests fail, or the process of a point does.
    """
    case = load_case(name)
    print(f"{name}: running its tests", flush=True)
    verify(case)
    points = [
        point for point in case.points if not lengths or point["length"] in lengths
    ]
    load_before = machine.load()
    measured = [_measure_point(name, case, point, repeats) for point in points]
    return {
        "case": name,
        "title": case.title,
        "description": case.description,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "commit": machine.commit(),
        "versions": machine.versions(),
        "hardware": machine.hardware(),
        "load_before": load_before,
        "repeats": repeats,
        "points": measured,
    }


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


def _parser():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=sorted(CASES), metavar="NAME")
    parser.add_argument("--repeats", type=int, default=5, help="calls a point (5)")
    parser.add_argument("--lengths", type=int, nargs="+", help="these lengths only")
    parser.add_argument("--results", type=Path, default=RESULTS, help="output folder")
    return parser


if __name__ == "__main__":
    main()
