"""Generate the notebooks from their sources in Jupytext's percent format.

python -m tools.notebooks            compares; fails if they differ
python -m tools.notebooks --write    writes an .ipynb next to each .py
"""

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
MARKER = re.compile(r"^# %%(?: \[(markdown)\])?$")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def cells_of(source: str) -> list[tuple[str, str]]:
    """The cells of a source in percent format.

    Args:
        source: str. What stands before the first cell is left out.

    Returns:
        list of pairs: `"markdown"` or `"code"`, and the cell's text.
    """
    cells: list[tuple[str, list[str]]] = []
    for line in source.splitlines():
        marker = MARKER.match(line)
        if marker:
            cells.append((marker[1] or "code", []))
        elif cells:
            cells[-1][1].append(line)
    return [
        (kind, "\n".join(map(_uncommented, lines) if kind == "markdown" else lines))
        for kind, lines in ((kind, _stripped(lines)) for kind, lines in cells)
    ]


def notebook(source: str) -> str:
    """The text of an .ipynb file, without outputs, from a source in percent format."""
    cells = [_cell(number, *cell) for number, cell in enumerate(cells_of(source))]
    content = {
        "cells": cells,
        "metadata": {"kernelspec": KERNEL},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the notebooks")
    arguments = parser.parse_args(argv)
    different = []
    for path in sorted(NOTEBOOKS.glob("*.py")):
        wanted = notebook(path.read_text(encoding="utf-8"))
        target = path.with_suffix(".ipynb")
        if arguments.write:
            target.write_text(wanted, encoding="utf-8")
            print(f"wrote {target}")
        elif not target.is_file() or target.read_text(encoding="utf-8") != wanted:
            different.append(target.name)
    if different:
        print(f"{different} differ: python -m tools.notebooks --write", file=sys.stderr)
    return 1 if different else 0


def _cell(number: int, kind: str, text: str) -> dict[str, object]:
    cell: dict[str, object] = {
        "cell_type": kind,
        "id": f"cell-{number}",
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return (
        cell if kind == "markdown" else {**cell, "execution_count": None, "outputs": []}
    )


def _stripped(lines: list[str]) -> list[str]:
    """Lines without empty ones at either end."""
    kept = [number for number, line in enumerate(lines) if line.strip()]
    return lines[kept[0] : kept[-1] + 1] if kept else []


def _uncommented(line: str) -> str:
    return line.removeprefix("#").removeprefix(" ")


if __name__ == "__main__":
    sys.exit(main())
