"""Handlers of the *Read* tab: plain functions of values that return views."""

import logging
import time
from dataclasses import replace

from longkeras.app.messages import Message, Told, message_of
from longkeras.app.tabs.read.tables import csv_text, save_csv
from longkeras.app.tabs.read.views import (
    Comparison,
    Continuations,
    Edited,
    Inspected,
    Loaded,
    Prompted,
    Saved,
)
from longkeras.serving import (
    MAX_UPLOAD_BYTES,
    InputError,
    check_choices,
    check_upload,
    compare_models,
    continue_text,
    inspect_place,
)
from longkeras.serving.registry import load_each

PROMPT_CHARACTERS = 1_000
"""Share of a text that is offered as a prompt."""
INSPECT_RADIUS = 60
SECONDS_BETWEEN_STEPS = 0.2
_SOURCES = ("read.notice.sample", "read.notice.upload")
"""Notices about where the text in the box comes from."""
_LOGGER = logging.getLogger(__name__)


def load_sample(catalogue, name):
    """Return a sample text for the text box.

    Args:
        catalogue: `Catalogue`.
        name: str. The sample's name.

    Returns:
        `Loaded`.
    """
    if name not in catalogue.samples:
        return Loaded(None, _error("error.unknown_sample", received=str(name)))
    sample = catalogue.samples[name]
    text = sample.text
    values = {
        "title": catalogue.sample_words(name),
        "author": sample.author,
        "characters": len(text),
        "bytes": len(text.encode("utf-8")),
        "licence": sample.licence,
    }
    return Loaded(text, Message("read.notice.sample", values))


def load_file(path):
    """Return an uploaded text for the text box.

    Args:
        path: str or None. Where the uploaded file lies.

    Returns:
        `Loaded`.
    """
    if path is None:
        return Loaded(None, _error("error.file_missing"))
    try:
        checked = check_upload(path)
    except InputError as error:
        return Loaded(None, message_of(error))
    values = {
        "name": checked.name,
        "characters": checked.num_characters,
        "bytes": checked.num_bytes,
        "encoding": checked.encoding.upper(),
    }
    return Loaded(checked.text, Message("read.notice.upload", values))


def refuse_file(size):
    """Return why a file is not uploaded.

    Args:
        size: int. Its bytes.

    Returns:
        `Loaded` without a text.
    """
    values = {"received": size, "limit": MAX_UPLOAD_BYTES}
    return Loaded(None, _error("error.file_too_long", **values))


def after_edit(message):
    """Return what changes once somebody has edited the text.

    Args:
        message: `Message` or None. What the notice says.

    Returns:
        `Edited`: the notice is cleared if it was about the text before the edit.
    """
    is_outdated = message is not None and (
        message.kind == "error" or message.key in _SOURCES
    )
    return Edited(clears_notice=is_outdated)


def read(catalogue, work, text, names, amount):
    """Let the chosen models read a text, one after another.

    Args:
        catalogue: `Catalogue`.
        work: `Work`. Can cancel the reading.
        text: str.
        names: list of str. The chosen models.
        amount: int. Most bytes to read.

    Yields:
        `Comparison`, several times, as the models progress.
    """
    try:
        yield from _read(catalogue, work, text, names, amount)
    except InputError as error:
        yield Comparison(message_of(error))


def _read(catalogue, work, text, names, amount):
    names = check_choices(names, catalogue.registry.names("reading"))
    readings, failures = {}, {}
    told = 0.0
    steps = compare_models(
        catalogue.registry, names, text, max_bytes=amount, cancelled=work.cancelled
    )
    for step in steps:
        has_new_reading = len(step.readings) > len(readings)
        readings, failures = dict(step.readings), step.failures
        if step.stage == "done":
            break
        now = time.monotonic()
        if not has_new_reading and now - told < SECONDS_BETWEEN_STEPS:
            continue
        told = now
        message = work.timed(_stage(catalogue, step))
        yield Comparison(message, True, names, readings, is_step=not has_new_reading)
    left = _without(names, failures)
    ticked = left if failures else None
    if work.cancelled.is_set() and len(readings) < len(left):
        values = {"finished": len(readings), "total": len(names)}
        message = _ended(catalogue, Message("read.notice.cancelled", values), failures)
        yield Comparison(message, False, tuple(readings), readings, ticked=ticked)
        return
    outcome = _outcome(readings) if readings else None
    yield Comparison(
        _ended(catalogue, outcome, failures),
        False,
        left,
        readings,
        prompt=_prompt_after(readings) if readings else None,
        ticked=ticked,
    )


def _stage(catalogue, step):
    values = {
        "model": catalogue.model_words(step.name),
        "done": step.bytes_done,
        "total": step.bytes_total,
    }
    stage = step.stage if step.stage in ("loading", "compiling") else "reading"
    return Message(f"read.notice.stage_{stage}", values, "busy", step.fraction)


def _outcome(readings):
    reading = next(iter(readings.values()))
    values = {
        "read": reading.bytes_read,
        "characters": reading.num_characters,
        "dropped": reading.bytes_dropped,
    }
    key = "read.notice.read_part" if reading.bytes_dropped else "read.notice.read_all"
    return Message(key, values, "done")


def _prompt_after(readings):
    return next(iter(readings.values())).text[-PROMPT_CHARACTERS:]


def inspect(catalogue, comparison, index):
    """Look at one character of the text that was read.

    Args:
        catalogue: `Catalogue`.
        comparison: `Comparison` or None. What the session has read.
        index: int. Index of the character.

    Returns:
        `Inspected`, or a `Told` when there is no such place.
    """
    if comparison is None or not comparison.readings:
        return Told(_error("read.notice.no_reading"))
    last = next(iter(comparison.readings.values())).num_characters - 1
    if not isinstance(index, int) or not 0 <= index <= last:
        return Told(_error("error.place_outside", last=last, received=str(index)))
    looked, failures = at_place(catalogue, comparison, index)
    if not looked.inspections:
        return Told(_ended(catalogue, None, failures))
    return Inspected(replace(looked, prompt=None))


def at_place(catalogue, comparison, index, known=None):
    """Open a place of a comparison.

    Args:
        catalogue: `Catalogue`.
        comparison: `Comparison`.
        index: int. Index of the character.
        known: dict of str to `Inspection` or None. Models that need not look again.

    Returns:
        The `Comparison` with that place open, and the failures of the models that
        could not be loaded, as of `load_each`.
    """
    inspections = {**(known or {})}
    rest = [name for name in comparison.readings if name not in inspections]
    models, failures = load_each(catalogue.registry, rest)
    for name, model in models.items():
        reading = comparison.readings[name]
        inspections[name] = inspect_place(model, reading, index, radius=INSPECT_RADIUS)
    return replace(comparison, place=index, inspections=inspections), failures


def prompt_from_place(comparison):
    """Return the text before the place that is looked at, as a prompt.

    Args:
        comparison: `Comparison` or None. What the session has read.

    Returns:
        `Prompted`.
    """
    if comparison is None or comparison.place is None:
        return Prompted(None, _error("read.notice.no_place"))
    text = next(iter(comparison.readings.values())).text[: comparison.place]
    prompt = text[-PROMPT_CHARACTERS:]
    values = {"kept": len(prompt), "characters": len(text)}
    return Prompted(prompt, Message("read.notice.prompt_cut", values))


def continue_from(catalogue, work, prompt, names, settings):
    """Let the chosen models continue a prompt, side by side.

    Args:
        catalogue: `Catalogue`.
        work: `Work`. Can stop the continuations.
        prompt: str.
        names: list of str. The chosen models.
        settings: dict. `max_bytes`, `temperature`, `top_p`, `seed`.

    Yields:
        `Continuations`, several times, as the texts grow.
    """
    try:
        yield Continuations(
            Message("read.continue.preparing", kind="busy"), True, prompt
        )
        names = check_choices(names, catalogue.registry.names("continuation"))
        models, failures = load_each(catalogue.registry, names)
        ticked = _without(names, failures) if failures else None
        if not models:
            message = _ended(catalogue, None, failures)
            yield Continuations(message, ticked=ticked)
            return
        texts = {}
        steps = continue_text(models, prompt, stop_event=work.cancelled, **settings)
        for texts in steps:
            done = _share_written(texts, settings["max_bytes"])
            message = Message("read.continue.writing", {}, "busy", done)
            yield Continuations(work.timed(message), True, prompt, dict(texts))
        is_stopped = work.cancelled.is_set()
        key = "read.continue.stopped" if is_stopped else "read.continue.finished"
        message = _ended(catalogue, Message(key, kind="done"), failures)
        yield Continuations(message, False, prompt, dict(texts), ticked=ticked)
    except InputError as error:
        yield Continuations(message_of(error))


def _share_written(texts, max_bytes):
    return min(
        1.0 if each.stop_reason else each.bytes_written / max_bytes
        for each in texts.values()
    )


def save_table(kind, comparison, continuations):
    """Save a table of what a session has made.

    Args:
        kind: str. One of `KINDS`.
        comparison: `Comparison` or None.
        continuations: `Continuations` or None.

    Returns:
        `Saved`.
    """
    text = csv_text(kind, comparison, continuations)
    if text is not None:
        return Saved(save_csv(kind, text))
    is_writing = kind == "continuations"
    where = "continue_notice" if is_writing else "notice"
    key = "read.notice.no_continuation" if is_writing else "read.notice.no_reading"
    return Saved(None, _error(key), where)


def _error(key, **values):
    return Message(key, values, "error")


def _without(names, failures):
    return tuple(name for name in names if name not in failures)


def _ended(catalogue, outcome, failures):
    """Return how work ended, and which models could not take part in it.

    Args:
        catalogue: `Catalogue`.
        outcome: `Message` or None. What the others did; None when there are none.
        failures: dict of str to an error. As of `load_each`.

    Returns:
        `Message`.
    """
    for name, error in failures.items():
        _LOGGER.error("The model %s cannot be used: %s", name, error)
    if not failures:
        return outcome
    models = catalogue.models_words(failures)
    if outcome is None:
        return _error("error.model_broken", models=models)
    return _error("error.some_broken", outcome=outcome, models=models)
