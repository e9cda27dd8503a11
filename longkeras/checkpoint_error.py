"""The error raised for a saved model that cannot be read or written."""


class CheckpointError(ValueError):
    """A saved model is missing, damaged, or of a kind that is not known.

    Raised by `longkeras.load_model` and `longkeras.save_model`. The message names
    the file. It is a `ValueError`, so that callers who do not care need no import.

    Args:
        message: str. What is wrong, with the file that is meant.

    Example:
    >>> issubclass(CheckpointError, ValueError)
    True
    """
