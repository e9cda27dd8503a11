"""Readings as rows and as CSV text."""

import csv
import io
import itertools

import numpy as np

from longkeras.evaluation.language_models.protocol import CHUNK_LENGTH
from longkeras.serving.characters import character_label
from longkeras.serving.views import binned_bits

SUMMARY_COLUMNS = (
    "model",
    "bits_per_byte",
    "bytes_read",
    "bytes_dropped",
    "characters",
    "seconds",
    "compile_seconds",
    "bytes_per_second",
    "parameters",
    "state_bytes",
    "protocol",
    "chunk_bytes",
    "stride",
    "context_bytes",
)


def rows_of_summary(readings):
    """Return one row of numbers for each model.

    Args:
        readings: dict of str to `Reading`. By model name.

    Returns:
        list of dict: the keys are `SUMMARY_COLUMNS`; numbers are not rounded;
        `context_bytes` is None when there is no limit.
    """
    return [_summary_row(name, reading) for name, reading in readings.items()]


def _summary_row(name, reading):
    values = (
        name,
        reading.bits_per_byte,
        reading.bytes_read,
        reading.bytes_dropped,
        reading.num_characters,
        reading.seconds,
        reading.compile_seconds,
        reading.bytes_per_second,
        reading.parameters,
        reading.state_bytes,
        reading.protocol.kind,
        reading.protocol.context_length or CHUNK_LENGTH,
        reading.protocol.stride or 0,
        reading.protocol.context_bytes,
    )
    return dict(zip(SUMMARY_COLUMNS, values, strict=True))


def rows_of_bins(readings, num_bins=200):
    """Return bits per byte against the position, one row for each bin.

    Args:
        readings: dict of str to `Reading`. By model name, all of the same text.
        num_bins: int. Most bins.

    Returns:
        list of dict: `first_byte`, `end_byte`, then one column for each model name.

    Raises:
        ValueError: there are no readings, or they are not of the same text.
    """
    _check_same_text(readings)
    binned = {name: binned_bits(readings[name], num_bins) for name in readings}
    edges = next(iter(binned.values())).edges.tolist()
    columns = {name: bins.bits_per_byte.tolist() for name, bins in binned.items()}
    return [
        {"first_byte": first, "end_byte": end}
        | {name: column[row] for name, column in columns.items()}
        for row, (first, end) in enumerate(itertools.pairwise(edges))
    ]


def csv_of_summary(readings):
    """Return `rows_of_summary` as CSV text.

    Args:
        readings: dict of str to `Reading`. By model name.

    Returns:
        str.
    """
    rows = [row.values() for row in rows_of_summary(readings)]
    return _csv_text(SUMMARY_COLUMNS, rows)


def csv_of_bins(readings, num_bins=200):
    """Return `rows_of_bins` as CSV text.

    Args:
        readings: dict of str to `Reading`. By model name, all of the same text.
        num_bins: int. Most bins.

    Returns:
        str.

    Raises:
        ValueError: there are no readings, or they are not of the same text.
    """
    rows = rows_of_bins(readings, num_bins)
    cells = [
        [row["first_byte"], row["end_byte"], *(f"{row[name]:.4f}" for name in readings)]
        for row in rows
    ]
    return _csv_text(("first_byte", "end_byte", *readings), cells)


def csv_of_characters(readings):
    """Return every character with its bits for each model, as CSV text.

    Args:
        readings: dict of str to `Reading`. By model name, all of the same text.

    Returns:
        str: columns `index`, `first_byte`, `bytes`, `character`, `code_point`, then
        the bits for each model name.

    Raises:
        ValueError: there are no readings, or they are not of the same text.
    """
    _check_same_text(readings)
    reading = next(iter(readings.values()))
    labels = {character: character_label(character) for character in set(reading.text)}
    starts = reading.character_starts
    columns = [
        range(reading.num_characters),
        starts[:-1].tolist(),
        np.diff(starts).tolist(),
        [labels[character] for character in reading.text],
        [f"U+{ord(character):04X}" for character in reading.text],
        *(
            [f"{bits:.3f}" for bits in reading.character_bits.tolist()]
            for reading in readings.values()
        ),
    ]
    header = ("index", "first_byte", "bytes", "character", "code_point", *readings)
    return _csv_text(header, zip(*columns, strict=True))


def _check_same_text(readings):
    if not readings:
        raise ValueError("`readings` must hold at least one reading. Received: {}")
    first, *others = readings.values()
    for reading in others:
        if reading.text != first.text:
            raise ValueError(
                "`readings` must be of the same text. Received: "
                f"{first.name!r} ({first.bytes_read} bytes) and {reading.name!r} "
                f"({reading.bytes_read} bytes)"
            )


def _csv_text(header, rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
