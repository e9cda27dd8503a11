"""Comparison of models on one document."""

from dataclasses import dataclass, field

from longkeras.serving.characters import part_to_read
from longkeras.serving.limits import (
    MAX_READ_BYTES,
    check_choices,
    check_number,
    check_text,
)
from longkeras.serving.reading import Reading, iterate_reading
from longkeras.serving.registry import load_each


@dataclass(frozen=True)
class ComparisonProgress:
    """Progress of a comparison.

    Args:
        name: str. The current model.
        stage: str. `"loading"`, `"compiling"`, `"reading"` or `"done"`.
        model_index: int. Index of the current model, from 0.
        num_models: int.
        bytes_done: int. Bytes this model has read.
        bytes_total: int. Bytes each model reads.
        seconds: float. Time since this model began to read.
        readings: dict of str to `Reading`. The models that have finished.
        failures: dict of str to an error. The models that could not be loaded.
    """

    name: str
    stage: str
    model_index: int
    num_models: int
    bytes_done: int
    bytes_total: int
    seconds: float
    readings: dict
    failures: dict = field(default_factory=dict)

    @property
    def fraction(self):
        """Fraction of the whole work that is done, between 0 and 1."""
        if self.stage == "done":
            return 1.0
        done = self.bytes_done / max(self.bytes_total, 1)
        return min(1.0, (self.model_index + done) / self.num_models)


def compare_models(registry, names, text, *, max_bytes=MAX_READ_BYTES, cancelled=None):
    """Let several models read one document, one after another.

    They do not run at once, because models that share the processor slow each other
    down and their times would mean nothing. A model that cannot be loaded is skipped.

    Args:
        registry: `ModelRegistry`.
        names: sequence of str. The models.
        text: str. The document.
        max_bytes: int. Most bytes to read, cut at a whole character. A document that is
            at most a tenth longer is read whole.
        cancelled: `threading.Event` or None. Stops between two chunks when set.

    Yields:
        `ComparisonProgress`; the last has the stage `"done"`, all the readings and the
        error of each model that has none, unless it was cancelled.

    Raises:
        InputError: (a `ValueError`) when the text or the choice of models is wrong.
    """
    names = check_choices(names, registry.names("reading"))
    check_number("max_bytes", max_bytes, 1, MAX_READ_BYTES)
    text = check_text(text).text
    num_bytes = len(part_to_read(text.encode(), int(max_bytes)))
    readings: dict = {}
    failures: dict = {}

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
            failures=dict(failures),
        )

    for index, name in enumerate(names):
        yield progress(index, "loading", 0, 0.0)
        models, failed = load_each(registry, [name])
        failures |= failed
        if failed:
            continue
        reading = None
        for step in iterate_reading(
            models[name], text, name=name, max_bytes=max_bytes, cancelled=cancelled
        ):
            if isinstance(step, Reading):
                reading = step
            else:
                yield progress(index, step.stage, step.bytes_done, step.seconds)
        if reading is None:
            return
        # Released, so that it can be dropped before the next model loads.
        models.clear()
        readings[name] = reading
    yield progress(len(names) - 1, "done", num_bytes if readings else 0, 0.0)
