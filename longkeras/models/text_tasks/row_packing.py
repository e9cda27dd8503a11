"""Packing of several short texts into one row."""

import bisect

import numpy as np

from longkeras.models.text_tasks.text_rows import Row


def pack_rows(rows, length):
    """Put rows together so that few rows of one length hold all of them.

    The longest row goes first, each into the fullest packed row that has room for it
    (best-fit decreasing).

    Args:
        rows: list of `Row`, none longer than `length`.
        length: int. The most tokens of a packed row.

    Returns:
        list of `Row` with `document_ids` among their inputs, from 1 in each.
    """
    packed, rooms = [], []  # rooms: sorted pairs of free tokens and index in `packed`
    for row in sorted(rows, key=_length, reverse=True):
        found = bisect.bisect_left(rooms, (_length(row), 0))
        room, index = rooms.pop(found) if found < len(rooms) else (length, len(packed))
        if index == len(packed):
            packed.append([])
        packed[index].append(row)
        bisect.insort(rooms, (room - _length(row), index))
    return [_joined(documents) for documents in packed]


def _joined(documents):
    inputs = {
        name: np.concatenate([row.inputs[name] for row in documents])
        for name in documents[0].inputs
    }
    lengths = [_length(row) for row in documents]
    numbers = np.arange(1, len(documents) + 1, dtype=np.int32)
    inputs["document_ids"] = np.repeat(numbers, lengths)
    starts = np.cumsum(lengths) - lengths
    return Row(
        inputs=inputs,
        lengths=sum((row.lengths for row in documents), ()),
        kept=sum((row.kept for row in documents), ()),
        starts=tuple(
            int(start) + each
            for start, row in zip(starts, documents, strict=True)
            for each in row.starts
        ),
    )


def _length(row):
    return len(row.inputs["token_ids"])
