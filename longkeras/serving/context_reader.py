"""A text in front of a prediction, given to a model in calls of fixed shape."""

from typing import Any

import numpy as np

from longkeras.text.byte_vocabulary import BYTE_OFFSET, START_TOKEN_ID, byte_ids

_KEPT = 3 / 4


class ContextReader:
    """One model's view of a text that is read and then written on.

    A model without a limit takes the text chunk by chunk, in constant memory. One
    with a limited context takes the end of it that fits, and when its context is full
    it starts again from the last three quarters.

    Args:
        model: `SharedModel`.
        data: bytes. The text so far, valid UTF-8.
        most_bytes: int or None. Bytes at the end of the text that are enough; those
            before are left out.
        reserve: int. Tokens to keep free in a limited context.
    """

    def __init__(self, model, data, most_bytes=None, reserve=0):
        self._model = model
        self._limit = model.context_length
        self._width = model.chunk_tokens
        self._ids = _ids_after_start(data)
        if most_bytes is not None and most_bytes < len(data):
            self._ids = self._ids[len(self._ids) - most_bytes :]
        if self._limit is not None and len(self._ids) > self._limit - reserve:
            self._ids = _last_characters(self._ids, self._limit - reserve)
        self.bytes_given = min(len(self._ids), len(data))
        self.logits = None
        self.state: Any = None
        self._num_read: int = 0
        self._restart()

    def pending_calls(self):
        """Read what has not been read yet, one call at a time.

        Yields:
            None after every call, so that others can take their turn. At the end
            `logits` holds the prediction of the next token, `(vocabulary_size,)`.
        """
        while self._num_read < len(self._ids):
            part = self._ids[self._num_read : self._num_read + self._width]
            self._num_read += len(part)
            logits, _, self.state = self._model.compiled_prefill(
                *padded_rows([part], self._width), self.state
            )
            self.logits = as_numpy(logits)[0, len(part) - 1]
            yield

    def append(self, token_id):
        """Add one token, and read it if the context has room.

        Args:
            token_id: int.

        Returns:
            bool: whether it was read. Where it was not, the context was full: go
            through `pending_calls` once more.
        """
        self._ids = np.append(self._ids, np.int32(token_id))
        if self._limit is not None and len(self._ids) > self._limit:
            self._ids = _last_characters(self._ids, int(self._limit * _KEPT))
            self._restart()
            return False
        if self._limit is None:
            self._ids = self._ids[-1:]  # the state knows the rest
        logits, _, self.state = self._model.compiled_step(
            np.array([token_id], dtype="int32"), self.state
        )
        self._num_read = len(self._ids)
        self.logits = as_numpy(logits)[0]
        return True

    def _restart(self):
        self._num_read = 0
        self.state = self._model.initial_state(1, max_length=self._limit)


def prepare_prefill(model):
    """Compile the call that reads a text, unless that was done before.

    Args:
        model: `SharedModel`.

    Returns:
        float: the seconds it took.
    """

    def call():
        for _ in ContextReader(model, b"\n").pending_calls():
            pass

    return model.prepare("prefill", call)


def prepare_step(model):
    """Compile the call that reads one token, unless that was done before.

    Args:
        model: `SharedModel`.

    Returns:
        float: the seconds it took.
    """

    def call():
        ContextReader(model, b"").append(BYTE_OFFSET)

    return model.prepare("step", call)


def padded_rows(rows, width):
    """Return rows of token ids at a fixed width, with their mask.

    Args:
        rows: list of int sequences, none longer than `width`.
        width: int.

    Returns:
        Tuple of an int32 and a bool array of shape `(rows, width)`.

    Example:
    >>> ids, mask = padded_rows([[5, 6], [7]], 3)
    >>> ids.tolist(), mask.astype(int).tolist()
    ([[5, 6, 0], [7, 0, 0]], [[1, 1, 0], [1, 0, 0]])
    """
    token_ids = np.zeros((len(rows), width), dtype="int32")
    mask = np.zeros((len(rows), width), dtype=bool)
    for index, row in enumerate(rows):
        token_ids[index, : len(row)] = row
        mask[index, : len(row)] = True
    return token_ids, mask


def as_numpy(tensor):
    """Return a tensor of any backend as an array.

    Args:
        tensor: A tensor of the Keras backend.

    Returns:
        `numpy.ndarray`.
    """
    if isinstance(tensor, np.ndarray):
        return tensor
    # keras takes seconds to import: only when a model is at work.
    from keras import ops

    return ops.convert_to_numpy(tensor)


def _ids_after_start(data):
    return np.concatenate([[START_TOKEN_ID], byte_ids(data)]).astype("int32")


def _last_characters(token_ids, most):
    """Return the end of the ids, cut between two characters."""
    end = token_ids[-most:]
    values = end[:4] - BYTE_OFFSET
    inside = (values >= 0x80) & (values < 0xC0)
    return end[int(np.argmin(inside)) :]
