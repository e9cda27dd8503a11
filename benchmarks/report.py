"""Writes docs/benchmarks.md from the measured results: `python -m benchmarks.report`.

Pictures come beside it, in docs/images. With `--check` nothing is written; it fails if
the page is not what the results say.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks import attention_pictures, decoding_targets, side_by_side
from benchmarks.run import RESULTS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
IMAGES = PAGE.with_name("images")
_INTRODUCTION = """\
# Benchmarks

Written by `python -m benchmarks.report` from `benchmarks/results/*.json`; do not edit.
`python -m benchmarks.run NAME` measures a case anew: first its tests run, then each
length in a process of its own, or each contestant where they take turns (`--groups`,
`--contestants` and `--lengths` choose, `--smoke` only tries, `--help` tells more). A
section may say otherwise; else *memory* is the rise of the process' resident set to
its peak, without program, weights and inputs; some megabytes of compiled code lie under
it. *Growth* compares the longest lengths: what the last doubling added to memory
over what the one before added, and the last time over the one before. 2 is linear in
the length, 4 quadratic. Where *load* is not near zero other processes ran beside:
compare the columns of one table, not tables.
"""


def main(argv=None):
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args(argv)
    files = written_files(read_results(RESULTS))
    if arguments.check:
        stale = [path for path in files if not is_current(path, files[path])]
        if stale:
            sys.exit(f"{stale} not what the results say: python -m benchmarks.report")
        return
    IMAGES.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")


def written_files(results):
    """What the report consists of: text by path, the page and its pictures."""
    files = {PAGE: page(results)}
    for result in results:
        for name, svg in _pictures(result).items():
            files[IMAGES / f"{name}.svg"] = svg
    return files


def is_current(path, text):
    """Whether a file says this."""
    return path.exists() and path.read_text(encoding="utf-8") == text


def read_results(folder):
    """The results in a folder, by file name."""
    files = sorted(Path(folder).glob("*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def page(results):
    """The whole page for these results, as Markdown."""
    return "\n".join([_INTRODUCTION, *(section(result) for result in results)])


def section(result):
    """One result: what was measured, where, and a row a length."""
    if "contestants" in result:
        return side_by_side.section(result, sorted(_pictures(result)))
    contestants = _by_contestant(result["points"])
    lengths = sorted({point["length"] for point in result["points"]})
    header = ["length"]
    for contestant in contestants:
        header += [f"{_title(contestant)}: memory", "time"]
    rows = [
        [f"{length:,}", *_cells(contestants.values(), length)] for length in lengths
    ]
    growth = ["growth", *_growth_cells(contestants.values())]
    remarks = list(_remarks(contestants))
    parts = [f"## {result['title']}", result["description"]]
    if remarks:
        parts.append("\n".join(remarks))
    parts += [_table([header, *rows, growth]), _circumstances(result)]
    return "\n\n".join(parts) + "\n"


def _pictures(result):
    if result["backend"] == "gpu":
        return {}
    drawn = {
        "attention": attention_pictures.pictures,
        "decoding": decoding_targets.pictures,
    }
    return drawn[result["case"]](result) if result["case"] in drawn else {}


def time_growth(points):
    """Time of the longest text over that of the one half as long, or None."""
    seconds = {point["length"]: point["seconds"]["median"] for point in points}
    if not seconds or max(seconds) // 2 not in seconds:
        return None
    return seconds[max(seconds)] / seconds[max(seconds) // 2]


def memory_growth(points):
    """What doubling the length adds to memory, over what the doubling before added.

    Differences, so that the floor under all of them cancels. None where the three
    longest lengths are not doublings or nothing was added.
    """
    rises = {point["length"]: point["peak_rise_bytes"] for point in points}
    if not rises or None in rises.values():
        return None
    lengths = [max(rises) // 4, max(rises) // 2, max(rises)]
    if not all(length in rises for length in lengths):
        return None
    first, second, third = (rises[length] for length in lengths)
    return (third - second) / (second - first) if second > first else None


def _measured(points):
    return [point for point in points if "skipped" not in point]


def _by_contestant(points):
    contestants = {}
    for point in points:
        contestants.setdefault(point["contestant"], []).append(point)
    return contestants


def _cells(contestants, length):
    for points in contestants:
        point = next((p for p in points if p["length"] == length), None)
        if point is None:
            yield from ("", "")
        elif "skipped" in point:
            yield from (f"not run: {point['skipped']}", "")
        else:
            rise = point["peak_rise_bytes"]
            yield "unknown" if rise is None else f"{rise / 2**20:,.0f} MiB"
            yield f"{point['seconds']['median']:,.2f} s"


def _growth_cells(contestants):
    for points in contestants:
        measured = _measured(points)
        for growth in (memory_growth(measured), time_growth(measured)):
            yield "" if growth is None else f"× {growth:.1f}"


def _remarks(contestants):
    """What distinguishes the contestants: a line each where there is more to say."""
    for contestant, points in contestants.items():
        facts = next(iter(_measured(points)), {})
        if "model" in facts:
            yield (
                f"- {_title(contestant)}: `{facts['model']}`, {facts['weights']} "
                f"weights, {facts['parameters']:,} parameters, reads {facts['reads']}"
            )


def _circumstances(result):
    hardware, versions = result["hardware"], result["versions"]
    backend = result["backend"]
    modified = ", with changes" if result["commit"]["is_modified"] else ""
    load = result["load_before"]
    return (
        f"{result['date'][:10]}, commit {result['commit']['hash'][:12]}{modified}; "
        f"{hardware['processor']}, {hardware['cores']} cores, "
        f"{hardware['memory_bytes'] / 2**30:.0f} GiB; Keras {versions['keras']} on "
        f"{backend} {versions[backend]}; median of {result['repeats']} calls"
        + ("" if load is None else f"; load {load:.1f} on {hardware['cores']} cores")
        + "."
    )


def _title(name):
    return name.replace("_", " ")


def _table(rows):
    header, *body = rows
    lines = [header, ["---:"] * len(header), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
