"""Batches of byte windows as a Keras dataset that resumes at any step."""

import keras
import numpy as np

SCHEDULE_PERIOD = 1000


class TrainingWindows(keras.utils.PyDataset):
    """Batches that depend only on the seed and the step.

    Item `i` is the batch of step `start_step + i`. An interrupted run resumes at the
    exact batch from its step alone.

    Without `num_steps` the dataset never ends: pass `steps_per_epoch` to `fit`, and
    Keras continues from one epoch to the next. Pass `shuffle=False` too, since Keras
    shuffles the batches of finite datasets by default.

    Args:
        streams: list of `WindowStream`, one for each language.
        proportions: list of float. The proportion of windows from each stream.
        batch_size: int. Windows per batch.
        start_step: int. The step of the first item. Defaults to `0`.
        num_steps: int. Number of items. Defaults to None: endless.

    Returns:
        By item: `({"token_ids", "padding_mask"}, targets, sample_weight)`, each
        of shape (batch, sequence): int32, bool, int32 and float32. A window
        shorter than `sequence_length` is padded on the right with id 0, mask
        False and weight 0. Where the streams are packed, the inputs also have
        `document_ids`, int32, from 1 in each window and 0 at padding; the first
        id of a document is no target: its weight is 0.

    Raises:
        ValueError: If a size is below 1, a step is negative, or only some of the
            streams are packed.

    Example:

    >>> from longkeras.data import Book, ByteCorpus
    >>> corpus = ByteCorpus([Book("Emma", "en", "Emma Woodhouse, handsome")])
    >>> first_run = corpus.training_windows(8, batch_size=2)
    >>> resumed = corpus.training_windows(8, batch_size=2, start_step=100)
    >>> bool((first_run[107][1] == resumed[7][1]).all())
    True
    """

    def __init__(self, streams, proportions, batch_size, start_step=0, num_steps=None):
        super().__init__(workers=1, use_multiprocessing=False)
        self.streams = list(streams)
        _check_sizes(batch_size, start_step, num_steps)
        if len({stream.packed for stream in self.streams}) > 1:
            raise ValueError("`streams` must be packed all or none. Received: both")
        self.packed = self.streams[0].packed
        self.batch_size = batch_size
        self.sequence_length = self.streams[0].sequence_length
        self.start_step = start_step
        self.num_steps = num_steps
        self._schedule = _round_robin(proportions, SCHEDULE_PERIOD)
        picks = self._schedule[:, None] == np.arange(len(self.streams))
        self._drawn_before = np.concatenate(
            [np.zeros((1, len(self.streams)), dtype=np.int64), np.cumsum(picks, axis=0)]
        )

    @property
    def num_batches(self):
        """Number of items, or None for an endless dataset."""
        return self.num_steps

    def __getitem__(self, index):
        if index < 0 or (self.num_steps is not None and index >= self.num_steps):
            raise IndexError(f"There is no item {index} in {self.num_steps} steps")
        shape = (self.batch_size, self.sequence_length)
        token_ids = np.zeros(shape, dtype=np.int32)
        targets = np.zeros(shape, dtype=np.int32)
        padding_mask = np.zeros(shape, dtype=bool)
        sample_weight = np.zeros(shape, dtype=np.float32)
        document_ids = np.zeros(shape, dtype=np.int32)
        first = (self.start_step + index) * self.batch_size
        for row in range(self.batch_size):
            stream, draw = self._source(first + row)
            window = self.streams[stream].window(draw)
            length = len(window) - 1
            token_ids[row, :length] = window[:-1]
            targets[row, :length] = window[1:]
            padding_mask[row, :length] = True
            sample_weight[row, :length] = 1.0
            if self.packed:
                documents = self.streams[stream].document_ids(draw)
                document_ids[row, :length] = documents[:-1]
                sample_weight[row, :length] = documents[1:] == documents[:-1]
        inputs = {"token_ids": token_ids, "padding_mask": padding_mask}
        if self.packed:
            inputs["document_ids"] = document_ids
        return inputs, targets, sample_weight

    def epochs(self, step):
        """The number of times each language has been read before a step.

        Args:
            step: int. A step of the run, counted from 0 (not from `start_step`).

        Returns:
            dict of language code to float.
        """
        draws = self._draws_before(step * self.batch_size)
        return {
            stream.shelf.name: _fractional_epoch(stream, int(drawn))
            for stream, drawn in zip(self.streams, draws, strict=True)
        }

    def _draws_before(self, sample):
        periods, rest = divmod(sample, SCHEDULE_PERIOD)
        return periods * self._drawn_before[-1] + self._drawn_before[rest]

    def _source(self, sample):
        stream = int(self._schedule[sample % SCHEDULE_PERIOD])
        return stream, int(self._draws_before(sample)[stream])


def _check_sizes(batch_size, start_step, num_steps):
    least = {"batch_size": (batch_size, 1), "start_step": (start_step, 0)}
    if num_steps is not None:
        least["num_steps"] = (num_steps, 1)
    for name, (size, limit) in least.items():
        if size < limit:
            raise ValueError(
                f"`{name}` must be at least {limit}. Received: {name}={size}"
            )


def _fractional_epoch(stream, drawn):
    epoch, index = stream.locate(drawn)
    return epoch + index / stream.num_windows(epoch)


def _round_robin(proportions, period):
    """A repeating order of streams that keeps to their proportions throughout."""
    shares = np.asarray(proportions, dtype=np.float64)
    shares = shares / shares.sum()
    credit = np.zeros_like(shares)
    schedule = np.empty(period, dtype=np.int64)
    for index in range(period):
        credit += shares
        schedule[index] = np.argmax(credit)
        credit[schedule[index]] -= 1.0
    return schedule
