"""Python's own errors in place of those that TensorFlow reports for a pipeline."""

import contextvars
import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any

_noted: contextvars.ContextVar[list[ValueError] | None] = contextvars.ContextVar(
    "noted", default=None
)


class ErrorsAsRaised:
    """Context manager that raises the `ValueError` behind a pipeline's error.

    TensorFlow reports a Python error inside `tf.data` as an error of an operation,
    with the traceback as its message. Inside the context, functions that were wrapped
    by `noting_errors` note what they raise. If the context ends with an error, the
    first one noted is raised in its place.

    Example:

    ```python
    from longkeras.text.pipeline_errors import ErrorsAsRaised, noting_errors

    def fail(x):
        raise ValueError("`x` must be text.")

    try:
        with ErrorsAsRaised():
            try:
                noting_errors(fail)(1)
            except ValueError:
                raise RuntimeError("what TensorFlow reports")
    except ValueError as error:
        assert str(error) == "`x` must be text."
    ```
    """

    def __enter__(self) -> "ErrorsAsRaised":
        self._errors: list[ValueError] = []
        self._token = _noted.set(self._errors)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _noted.reset(self._token)
        if self._errors and isinstance(error, Exception):
            raise self._errors[0] from None


def noting_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a function that may run in a thread of a pipeline.

    Args:
        function: callable.

    Returns:
        A callable that does the same, and notes a `ValueError` for the
        `ErrorsAsRaised` context in which it was wrapped, if there is one.
    """
    noted = _noted.get()
    if noted is None:
        return function

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            noted.append(error)
            raise

    return run
