"""Table of the shipped models in the README, generated from their manifest.

python -m tools.readme_table            compares; fails if they differ
python -m tools.readme_table --write    writes the table into the README
"""

import argparse
import re
import sys
from pathlib import Path

from longkeras.serving.manifest import MANIFEST_NAME, ModelEntry, read_manifest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
MODELS = ROOT / "saved_models"
PLACE = re.compile(r"(<!-- models:begin .*?-->\n)(.*?)(<!-- models:end -->)", re.DOTALL)

HEADER = (
    "| model | parameters | training text | English | Chinese |",
    "|---|---:|---:|---:|---:|",
)


def table(folder: Path = MODELS) -> str:
    """The table and the lines under it, as Markdown.

    Args:
        folder: path. The folder that holds the manifest.

    Returns:
        str: empty where there is no manifest.
    """
    if not (folder / MANIFEST_NAME).is_file():
        return ""
    # Bits per byte are of models that read.
    entries = [entry for entry in read_manifest(folder) if entry.can("reading")]
    lines = [*HEADER, *map(_row, entries), "", *_notes(entries), ""]
    return "\n".join(lines)


def readme_with_table() -> str:
    """The README with the current table."""
    readme = README.read_text(encoding="utf-8")
    return PLACE.sub(lambda match: f"{match[1]}{table()}{match[3]}", readme)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write into the README")
    arguments = parser.parse_args(argv)
    wanted = readme_with_table()
    if arguments.write:
        README.write_text(wanted, encoding="utf-8")
        print(f"wrote {README}")
        return 0
    if wanted != README.read_text(encoding="utf-8"):
        print(
            "README.md does not match the manifest: run `make golden`", file=sys.stderr
        )
        return 1
    return 0


def _row(entry: ModelEntry) -> str:
    cells = (
        f"{entry.title} (`{entry.name}`)",
        f"{entry.parameters:,}",
        f"{entry.bytes_seen / 1e6:.0f} MB",
        _score(entry, "en"),
        _score(entry, "zh"),
    )
    return f"| {' | '.join(cells)} |"


def _score(entry: ModelEntry, language: str) -> str:
    score = entry.scores.get(language)
    return "not measured" if score is None else f"{score:.2f}"


def _notes(entries: list[ModelEntry]) -> list[str]:
    """The protocol of the scores and the training data, each mentioned once."""
    data = {
        f"{source['name']} ({source['licence']})"
        for entry in entries
        for source in entry.data
    }
    dates = sorted({entry.date for entry in entries if entry.date})
    notes = [
        "English and Chinese: bits per byte on books that no model was trained on; "
        "lower is better.",
        "",
    ]
    for entry in entries:
        protocol = entry.scores.get("protocol", "protocol not stated")
        notes.append(f"- `{entry.name}`: {protocol}{_measured(entry)}")
    notes.append("")
    if data:
        notes.append(f"Trained on {' and on '.join(sorted(data))}.")
    if dates:
        notes.append(f"Trained {' to '.join(dict.fromkeys((dates[0], dates[-1])))}.")
    return notes


def _measured(entry: ModelEntry) -> str:
    """The amount of text on which the scores were measured."""
    counts = [
        f"{entry.scores[key] / 1000:,.0f} kB {language}"
        for language, key in (("English", "en_bytes"), ("Chinese", "zh_bytes"))
        if key in entry.scores
    ]
    return f" ({', '.join(counts)})" if counts else ""


if __name__ == "__main__":
    sys.exit(main())
