"""Readings as rows and as CSV text."""

SUMMARY_COLUMNS = (
    "model",
    "bits_per_byte",
    "bytes_read",
    "bytes_dropped",
    "characters",
    "seconds",
    "compile_seconds",
    "bytes_per_second",
    "parameters",
    "state_bytes",
    "protocol",
    "context_bytes",
)


def rows_of_summary(readings):
    """Return one row of numbers for each model.

    Args:
        readings: dict of str to `Reading`. By model name.

    Returns:
        list of dict: the keys are `SUMMARY_COLUMNS`; numbers are not rounded;
        `context_bytes` is None when there is no limit.
    """
    raise NotImplementedError


def rows_of_bins(readings, num_bins=200):
    """Return bits per byte against the position, one row for each bin.

    Args:
        readings: dict of str to `Reading`. By model name, all of the same text.
        num_bins: int. Most bins.

    Returns:
        list of dict: `first_byte`, `end_byte`, then one column for each model name.

    Raises:
        ValueError: the readings are not of the same text.
    """
    raise NotImplementedError


def csv_of_summary(readings):
    """Return `rows_of_summary` as CSV text.

    Args:
        readings: dict of str to `Reading`. By model name.

    Returns:
        str.
    """
    raise NotImplementedError


def csv_of_bins(readings, num_bins=200):
    """Return `rows_of_bins` as CSV text.

    Args:
        readings: dict of str to `Reading`. By model name, all of the same text.
        num_bins: int. Most bins.

    Returns:
        str.
    """
    raise NotImplementedError


def csv_of_characters(readings):
    """Return every character with its bits for each model, as CSV text.

    Args:
        readings: dict of str to `Reading`. By model name, all of the same text.

    Returns:
        str: columns `index`, `first_byte`, `bytes`, `character`, `code_point`, then
        the bits for each model name.
    """
    raise NotImplementedError
