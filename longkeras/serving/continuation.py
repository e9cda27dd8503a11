"""Models write on from a text, side by side."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Continuation:
    """What one model has written so far.

    Args:
        name: str. The model.
        text: str. Whole characters only; the prompt is not part of it.
        bytes_written: int.
        prompt_bytes: int. Bytes of the prompt that the model was given.
        prompt_bytes_dropped: int. Bytes at the beginning of the prompt that were
            left out, for a model with a limited context.
        prompt_seconds: float. Time of reading the prompt.
        seconds: float. Time of writing, this model alone.
        stop_reason: str. `""` while it writes, then `"length"`, `"end"` (the model
            ended its text) or `"stopped"` (somebody did).
    """

    name: str
    text: str
    bytes_written: int
    prompt_bytes: int
    prompt_bytes_dropped: int
    prompt_seconds: float
    seconds: float
    stop_reason: str

    @property
    def bytes_per_second(self):
        """Speed of writing; a byte is a token."""
        return self.bytes_written / max(self.seconds, 1e-9)


def continue_text(
    models,
    prompt,
    *,
    max_bytes=400,
    temperature=0.8,
    top_p=0.95,
    seed=0,
    stop_event=None,
    every_seconds=0.1,
):
    """Let several models write on from a text, a byte each in turn.

    A model's text depends on the prompt, the settings and the seed, not on the other
    models. Only valid UTF-8 is written. A long prompt is read in chunks; a model with
    a limited context is given the end of it, and goes on from the end of its own text
    when its context is full.

    Args:
        models: dict of str to `SharedModel` or a model with the decode contract.
        prompt: str. What to continue.
        max_bytes: int. Most bytes that each model writes.
        temperature: float. 0 takes the most probable byte always.
        top_p: float. Bytes are drawn from the smallest set with this probability.
        seed: int. Equal seeds give equal texts.
        stop_event: `threading.Event` or None. Stops within a step when set.
        every_seconds: float. Least time between two values yielded.

    Yields:
        dict of str to `Continuation`: all models, also those that have not begun.
        The last has a `stop_reason` for each.

    Raises:
        InputError: (a `ValueError`) when the prompt or a setting is wrong.
    """
    raise NotImplementedError
