"""Several models read one document, one after another."""

from dataclasses import dataclass

from longkeras.serving.limits import MAX_READ_BYTES


@dataclass(frozen=True)
class ComparisonProgress:
    """How far a comparison is.

    Args:
        name: str. The model at work.
        stage: str. `"loading"`, `"compiling"`, `"reading"` or `"done"`.
        model_index: int. Which of the models, from 0.
        num_models: int.
        bytes_done: int. Bytes this model has read.
        bytes_total: int. Bytes each model reads.
        seconds: float. Since this model began to read.
        readings: dict of str to `Reading`. The models that have finished.
    """

    name: str
    stage: str
    model_index: int
    num_models: int
    bytes_done: int
    bytes_total: int
    seconds: float
    readings: dict

    @property
    def fraction(self):
        """Share of the whole work that is done, between 0 and 1."""
        done = self.bytes_done / max(self.bytes_total, 1)
        return min(1.0, (self.model_index + done) / self.num_models)


def compare_models(registry, names, text, *, max_bytes=MAX_READ_BYTES, cancelled=None):
    """Let several models read one document, one after another.

    One after another, because models that share the processor would slow each other
    down and their times would mean nothing.

    Args:
        registry: `ModelRegistry`. Where the models are.
        names: sequence of str. Which models.
        text: str. The document.
        max_bytes: int. Most bytes to read, cut at a whole character.
        cancelled: `threading.Event` or None. Stops between two chunks when set.

    Yields:
        `ComparisonProgress`; the last has the stage `"done"` and all the readings,
        unless it was cancelled.

    Raises:
        InputError: (a `ValueError`) when the text or the choice of models is wrong.
    """
    raise NotImplementedError
