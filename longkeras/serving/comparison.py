"""Several models read one document, one after another."""

from dataclasses import dataclass

from longkeras.serving.limits import (
    MAX_READ_BYTES,
    check_choices,
    check_number,
    check_text,
)
from longkeras.serving.reading import Reading, iterate_reading


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
        if self.stage == "done":
            return 1.0
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
    names = check_choices(names, registry.names())
    check_number("max_bytes", max_bytes, 1, MAX_READ_BYTES)
    num_bytes = min(check_text(text).num_bytes, int(max_bytes))
    readings: dict = {}

    def progress(index, stage, done, seconds):
        return ComparisonProgress(
            name=names[index],
            stage=stage,
            model_index=index,
            num_models=len(names),
            bytes_done=done,
            bytes_total=num_bytes,
            seconds=seconds,
            readings=dict(readings),
        )

    for index, name in enumerate(names):
        yield progress(index, "loading", 0, 0.0)
        model = registry.load(name)
        reading = None
        for step in iterate_reading(
            model, text, name=name, max_bytes=max_bytes, cancelled=cancelled
        ):
            if isinstance(step, Reading):
                reading = step
            else:
                yield progress(index, step.stage, step.bytes_done, step.seconds)
        if reading is None:
            return
        readings[name] = reading
    last = readings[names[-1]]
    yield progress(len(names) - 1, "done", last.bytes_read, last.seconds)
