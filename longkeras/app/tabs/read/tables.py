"""Tables that can be downloaded, as CSV."""

import csv
import io
import tempfile
from pathlib import Path

from longkeras.serving import csv_of_bins, csv_of_characters, csv_of_summary

KINDS = ("summary", "bins", "characters", "continuations")


def csv_text(kind, comparison, continuations):
    """Return a table of a session's results as CSV text.

    Args:
        kind: str. One of `KINDS`.
        comparison: `Comparison` or None. What the session has read.
        continuations: `Continuations` or None. What the models wrote in it.

    Returns:
        str or None: None when there is nothing of the kind.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {KINDS}. Received: kind={kind!r}")
    if kind == "continuations":
        has_texts = continuations is not None and continuations.texts
        return _csv_of_continuations(continuations) if has_texts else None
    if comparison is None or not comparison.readings:
        return None
    write = {
        "summary": csv_of_summary,
        "bins": csv_of_bins,
        "characters": csv_of_characters,
    }[kind]
    return write(comparison.readings)


def save_csv(kind, text):
    """Write a table to a new file.

    Spreadsheets take a CSV file for the local code page unless it begins with a byte
    order mark, so it has one.

    Args:
        kind: str. What the table is; the file is named after it.
        text: str. CSV text.

    Returns:
        str: the path, in a folder of its own below the temporary folder.
    """
    folder = Path(tempfile.mkdtemp(prefix="longkeras-"))
    path = folder / f"longkeras-{kind}.csv"
    path.write_text(text, encoding="utf-8-sig")
    return str(path)


def _csv_of_continuations(continuations):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ("model", "prompt", "text", "bytes_written", "seconds", "stop_reason")
    writer.writerow(columns)
    for name, each in continuations.texts.items():
        writer.writerow(
            (
                name,
                continuations.prompt,
                each.text,
                each.bytes_written,
                f"{each.seconds:.3f}",
                each.stop_reason,
            )
        )
    return text.getvalue()
