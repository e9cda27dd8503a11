"""Rows of ids before padding, and windows that cover a long text."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from longkeras.text.pipeline import rank_of

# Names of a pair of texts in a dict.
PAIR_NAMES = ("first", "second")


@dataclass(frozen=True, eq=False)
class Row:
    """One text or pair as ids with special tokens, cut to the limit.

    Args:
        inputs: dict of int32 arrays `(length,)`, the model's inputs for this row
            except `padding_mask`; with `token_ids`.
        lengths: tuple of int. The number of tokens of each text before cutting.
        kept: tuple of int. How many of them were kept.
        starts: tuple of int. Position of each text's first token in the row.
    """

    inputs: dict[str, np.ndarray]
    lengths: tuple[int, ...]
    kept: tuple[int, ...]
    starts: tuple[int, ...]

    @property
    def tokens(self):
        """int, the tokens of the texts."""
        return sum(self.lengths)

    @property
    def read(self):
        """int, the tokens that were kept."""
        return sum(self.kept)


def is_given_as_rows(x):
    """Return whether ids with special tokens are given in place of texts."""
    return isinstance(x, Mapping) and "token_ids" in x


def leading(x, one_text=0):
    """Return one of the inputs, and whether it is a single text.

    `x` is as for `text_tuples`, or tensors of a tracer; `one_text` says how deeply a
    single text is nested.
    """
    if is_given_as_rows(x):
        return x["token_ids"], rank_of(x["token_ids"]) == 1
    if isinstance(x, Mapping):
        x = tuple(x.values())
    leaf = x[0] if isinstance(x, tuple) else x
    return leaf, rank_of(leaf) == one_text


def text_tuples(x, names=PAIR_NAMES):
    """Return texts, or pairs of texts, as a list of tuples of one str or two.

    Args:
        x: a string, a list of strings, a list of pairs, a tuple of the first texts and
            the second ones, or a dict of these.
        names: tuple of str. The dict's names, in the order of the texts.
    """
    if isinstance(x, Mapping):
        _check_names(x, names)
        x = tuple(x[name] for name in names)
    if isinstance(x, tuple):
        rows = _joined_columns(x, names)
    else:
        rows = [
            tuple(row) if isinstance(row, (list, tuple)) else (row,)
            for row in (x if isinstance(x, list) else [x])
        ]
    for row in rows:
        if len(row) not in (1, 2) or not all(isinstance(text, str) for text in row):
            raise ValueError(
                "`x` must be a string, a list of strings or of pairs of them, or a "
                f"dict with {names}. Received: {row!r}"
            )
    return rows


def _joined_columns(columns, names):
    columns = [column if isinstance(column, list) else [column] for column in columns]
    counts = [len(column) for column in columns]
    if len(set(counts)) > 1:
        raise ValueError(
            f"`x` must have as many {' as '.join(names)} texts. Received: {counts}"
        )
    return list(zip(*columns, strict=True))


def given_rows(x, limit, names):
    """Return given ids, special tokens included, as a list of `Row`.

    Args:
        x: dict with `token_ids`, a list or lists of int, and perhaps other `names`, of
            the same shape.
        limit: int. The most tokens of a row; a longer one loses those before its last.
        names: tuple of str. Names that may be given, `token_ids` first.
    """
    unknown = sorted(set(x) - set(names))
    if unknown:
        raise ValueError(
            f"`x` with `token_ids` may have {names[1:]} too. Received: {unknown}"
        )
    single = rank_of(x["token_ids"]) == 1
    columns = {
        name: [rows] if single else rows for name, rows in x.items() if rows is not None
    }
    rows = []
    for i, ids in enumerate(columns["token_ids"]):
        parts = {
            name: np.asarray(column[i], dtype=np.int32)
            for name, column in columns.items()
        }
        shapes = {name: part.shape for name, part in parts.items()}
        if len(set(shapes.values())) != 1:
            raise ValueError(f"`x` must have rows of one length. Received: {shapes}")
        rows.append(_given_row(parts, len(ids), limit))
    return rows


def given_width(x):
    """Return the length of rows that are given padded, else 0."""
    if x.get("padding_mask") is None:
        return 0
    rows = x["token_ids"]
    return len(rows[0]) if rank_of(rows) == 2 and rows else len(rows)


def _given_row(parts, length, limit):
    real = parts.pop("padding_mask", np.ones(length, dtype=np.int32)) != 0
    parts = {name: part[real] for name, part in parts.items()}
    tokens = int(real.sum())
    if tokens > limit:
        parts = {name: np.append(x[: limit - 1], x[-1]) for name, x in parts.items()}
    kept = len(parts["token_ids"])
    return Row(inputs=parts, lengths=(tokens,), kept=(kept,), starts=(0,))


def _check_names(x, names):
    if set(x) != set(names):
        raise ValueError(
            f"`x` must have {names}, or `token_ids`. Received: {sorted(x)}"
        )


@dataclass(frozen=True, eq=False, repr=False)
class TextWindows:
    """Overlapping windows over one text, ready for `predict` or `fit`.

    Args:
        text: str. The whole text.
        inputs: dict of int32 arrays `(windows, sequence)`, the inputs of a model.
        offsets: int32 array `(windows, sequence, 2)`. The characters of the text that
            each token stands for; -1 at special tokens, padding and questions.
        targets: dict of int32 arrays `(windows,)` for `fit`, or None if no answer
            was given. Defaults to `None`.
    """

    text: str
    inputs: dict[str, np.ndarray]
    offsets: np.ndarray
    targets: dict[str, np.ndarray] | None = None

    def __len__(self):
        return len(self.offsets)

    def __repr__(self):
        count, length = self.offsets.shape[:2]
        return (
            f"<TextWindows: {count} windows of {length} tokens over a text of "
            f"{len(self.text)} characters>"
        )


def window_offsets(rows, offsets, length):
    """Return the characters of each token, int32 `(windows, length, 2)`.

    `offsets` has an array `(tokens, 2)` for the last text of each `Row`; `length` is
    that of the padded rows.
    """
    table = np.full((len(rows), length, 2), -1, dtype=np.int32)
    for line, row, characters in zip(table, rows, offsets, strict=True):
        start = row.starts[-1]
        line[start : start + len(characters)] = characters
    return table
