"""Checks of the texts that the page accepts, and their error messages."""

import os
from dataclasses import dataclass, field

MAX_TEXT_BYTES = 4_000_000
"""Longest text accepted at all, in UTF-8 bytes."""

MAX_UPLOAD_BYTES = 4_000_000
"""Largest file accepted, in bytes on disk."""

MAX_READ_BYTES = 1_000_000
"""Most bytes of a text that the models read. A text up to a tenth longer is read whole;
otherwise the rest is counted as dropped."""

MAX_CONTINUE_BYTES = 2_000
"""Most bytes that a model writes in one continuation."""

MAX_PROMPT_BYTES = 100_000
"""Most bytes of a prompt that are read; of a longer one, the end is kept."""

LARGEST_SEED = 2**32 - 1
"""Largest seed of a continuation or of a hidden key; the smallest is 0."""

UPLOAD_SUFFIXES = (".txt", ".md")

MESSAGES = {
    "empty": "There is no text to read, or nothing but blanks. Received: "
    "characters={characters}. Paste some text, upload a file or choose a sample.",
    "nul": "The text holds NUL characters (the first at character {position}), as "
    "binary data does. Paste plain text.",
    "surrogate": "The text holds half of a character (a lone surrogate, "
    "{code_point}, at character {position}) and cannot be written as UTF-8. "
    "Copy it again from its source.",
    "too_long": "The text is too long. Received: {received:,} bytes; at most "
    "{limit:,} are accepted. Paste a part of it.",
    "not_text": "A text was expected. Received: {received}.",
    "file_missing": "The uploaded file could not be opened. Upload it again.",
    "file_type": "Only {suffixes} files are read. Received: {received}.",
    "file_too_long": "The file is too long. Received: {received:,} bytes; at most "
    "{limit:,} are accepted. Upload a part of it.",
    "file_empty": "The file is empty. Received: {received}.",
    "file_not_text": "The file does not look like text in UTF-8, UTF-16 or GB18030 "
    "({reason}). Save it as UTF-8 text and upload it again.",
    "no_models": "Choose at least one model.",
    "unknown_model": "There is no such model. Received: {received}; there are {names}.",
    "out_of_range": "{what} must be between {low} and {high}. Received: {received}.",
}
"""English messages by code; the page translates by the code, with the same values."""


class InputError(ValueError):
    """User input that is not accepted.

    Args:
        code: str. A key of `MESSAGES`; the page translates by it.
        **values: Values that the message names: counts, positions, limits.

    Example:
    >>> error = InputError("too_long", received=5_000_000, limit=4_000_000)
    >>> error.code, error.values["limit"]
    ('too_long', 4000000)
    """

    def __init__(self, code, **values):
        self.code = code
        self.values = values
        super().__init__(MESSAGES[code].format(**values))


@dataclass(frozen=True)
class CheckedText:
    """A text that has passed the checks.

    Args:
        text: str. The text; every line ends with `"\\n"`, as in a browser's text box.
        num_bytes: int. Its length in UTF-8.
        num_characters: int. Its length in characters.
        encoding: str. Encoding of an uploaded file; `"utf-8"` for pasted text.
        name: str. The uploaded file's name, or `""`.
    """

    text: str = field(repr=False)
    num_bytes: int
    num_characters: int
    encoding: str = "utf-8"
    name: str = ""


def check_text(text, max_bytes=MAX_TEXT_BYTES):
    """Check that a text can be read.

    Args:
        text: str. Pasted text.
        max_bytes: int. Longest text accepted, in UTF-8 bytes.

    Returns:
        `CheckedText`.

    Raises:
        InputError: (a `ValueError`) with the code `not_text`, `empty`, `nul`,
            `surrogate` or `too_long`.

    Example:
    >>> check_text("月 moon").num_bytes
    8
    >>> check_text("one\\r\\ntwo\\r").text
    'one\\ntwo\\n'
    """
    if not isinstance(text, str):
        raise InputError("not_text", received=type(text).__name__)
    # A browser's text box does the same, so that texts from files, text boxes and
    # programs have the same length.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    num_bytes = len(text.encode("utf-8", "surrogatepass"))
    if num_bytes > max_bytes:
        raise InputError("too_long", received=num_bytes, limit=max_bytes)
    if not text.strip():
        raise InputError("empty", characters=len(text))
    position = text.find("\0")
    if position >= 0:
        raise InputError("nul", position=position)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        code_point = f"U+{ord(text[error.start]):04X}"
        raise InputError(
            "surrogate", position=error.start, code_point=code_point
        ) from error
    return CheckedText(text, num_bytes, len(text))


def check_upload(path, max_bytes=MAX_UPLOAD_BYTES):
    """Decode an uploaded file and check that it can be read.

    Args:
        path: str. A .txt or .md file in UTF-8, UTF-16 (with a byte order mark) or
            GB18030.
        max_bytes: int. Largest file accepted.

    Returns:
        `CheckedText` with the detected encoding and the file's name.

    Raises:
        InputError: (a `ValueError`) with the code `file_missing`, `file_type`,
            `file_too_long`, `file_empty`, `file_not_text`, or one of `check_text`.
    """
    name = os.path.basename(path)
    if not name.lower().endswith(UPLOAD_SUFFIXES):
        raise InputError(
            "file_type", suffixes=", ".join(UPLOAD_SUFFIXES), received=name
        )
    try:
        size = os.path.getsize(path)
        if size > max_bytes:
            raise InputError("file_too_long", received=size, limit=max_bytes)
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise InputError("file_missing") from error
    if not data:
        raise InputError("file_empty", received=name)
    return _decoded(data, name)


def _decoded(data, name):
    from longkeras.text import decode_document

    try:
        document = decode_document(data)
    except ValueError as error:
        raise InputError("file_not_text", reason=str(error)) from error
    checked = check_text(document.text)
    return CheckedText(
        checked.text,
        checked.num_bytes,
        checked.num_characters,
        encoding=document.encoding,
        name=name,
    )


def check_choices(chosen, names):
    """Check that the chosen models exist.

    Args:
        chosen: sequence of str. The chosen names.
        names: sequence of str. All names.

    Returns:
        tuple of str: the chosen names in the order of `names`, each once.

    Raises:
        InputError: (a `ValueError`) with the code `no_models` or `unknown_model`.

    Example:
    >>> check_choices(["b", "a", "b"], ["a", "b", "c"])
    ('a', 'b')
    """
    if not chosen:
        raise InputError("no_models")
    for name in chosen:
        if name not in names:
            raise InputError("unknown_model", received=name, names=", ".join(names))
    return tuple(name for name in names if name in chosen)


def check_number(what, number, low, high):
    """Check that a number is within its range.

    Args:
        what: str. Name of the number, for the message.
        number: int or float.
        low: int or float. Smallest value allowed.
        high: int or float. Largest value allowed.

    Returns:
        The number.

    Raises:
        InputError: (a `ValueError`) with the code `out_of_range`.

    Example:
    >>> check_number("temperature", 0.8, 0.0, 2.0)
    0.8
    """
    is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
    if not is_number or not low <= number <= high:
        raise InputError("out_of_range", what=what, low=low, high=high, received=number)
    return number
