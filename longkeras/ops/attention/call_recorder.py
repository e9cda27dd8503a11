"""Recorder of the calls of attention that run inside a context."""

import contextlib
import contextvars

_calls = contextvars.ContextVar("attention_calls", default=None)


@contextlib.contextmanager
def recorded():
    """Collect what runs inside the context.

    Yields:
        list of `(owner, signature, plan)`, one for each call of attention.
    """
    calls = []
    token = _calls.set(calls)
    try:
        yield calls
    finally:
        _calls.reset(token)


def record(owner, signature, plan):
    """Add a call to the list of `recorded`, if one is being collected."""
    calls = _calls.get()
    if calls is not None:
        calls.append((owner, signature, plan))
