"""Decoding of text files whose encoding is unknown."""

import codecs
import re
from dataclasses import dataclass, field

# Characters so frequent in modern or classical Chinese that any text of some length
# has them. Other two-byte encodings, read as GB18030, give other Han characters.
_FREQUENT = frozenset(
    "，。、：；？！的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年"
    "之者以曰其而于此又所无与自如得去见下将生那日王行家二三公小事只当能可对"
    "這國個來說們為會時後無與於將對學"
)
# First and second byte of the 3,755 level-one characters of GB 2312 and of its
# punctuation and full-width letters.
_COMMON_PAIR = re.compile(rb"[\xa1\xa3\xb0-\xd7][\xa1-\xfe]")
_LEAST_COMMON_SHARE = 0.35
_LEAST_FREQUENT_SHARE = 0.05
_ENOUGH_CHARACTERS = 60
# Old transcriptions hold a rare character in the private use area now and then.
_MOST_PRIVATE_SHARE = 0.02
# EUC-JP has its kana where GB18030 has them, but other Han characters.
_MOST_KANA_SHARE = 0.25
# Controls that plain text may hold: tab, line ends, vertical tab, form feed, DOS
# end of file, escape.
_CONTROL = re.compile("[\x00-\x08\x0e-\x19\x1c-\x1f\x7f-\x84\x86-\x9f]")
_MOST_CONTROLS_SHARE = 0.01


_MARK = "\ufeff"
# UTF-32-LE before UTF-16-LE, whose mark it begins with.
_MARKED_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (_MARK.encode("gb18030"), "gb18030"),
)


@dataclass(frozen=True)
class DecodedDocument:
    """The text of a file, and its encoding.

    Args:
        text: str. The text, without byte order marks at its start, otherwise unchanged.
        encoding: str. `"utf-8"`, `"utf-16-le"`, `"utf-16-be"`, `"utf-32-le"`,
            `"utf-32-be"` or `"gb18030"`.
        has_byte_order_mark: bool. Whether one was found and removed.
    """

    text: str = field(repr=False)
    encoding: str
    has_byte_order_mark: bool = False


def decode_document(data):
    """Decode a text file whose encoding is unknown.

    UTF-8 and GB18030 (so GBK and GB 2312 too) with or without a byte order mark, UTF-16
    and UTF-32 with one. GB18030 without a mark must look like Chinese.

    Args:
        data: bytes. The file's contents.

    Returns:
        `DecodedDocument`.

    Raises:
        ValueError: If the file is empty, is not text, or is in another encoding.

    Example:

    >>> decode_document("话说天下大势".encode("gbk")).encoding
    'gb18030'
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise ValueError(
            f"`data` must be the bytes of a file. Received: {type(data).__name__}"
        )
    data = bytes(data)
    document = _decode(data)
    if not document.text:
        raise ValueError("The file is empty.")
    if "\0" in document.text or _too_many_controls(document.text):
        raise ValueError("The file is not text: it holds control characters.")
    return document


def without_byte_order_mark(text):
    """Remove the byte order marks that a text begins with.

    A program that adds a mark to a file which has one leaves two. Further inside a
    text the character is a zero-width no-break space, and stays.

    Example:

    >>> without_byte_order_mark("\\ufeff\\ufeffCall me Ishmael.")
    'Call me Ishmael.'
    """
    return text.lstrip(_MARK)


def _decode(data):
    for mark, encoding in _MARKED_ENCODINGS:
        if data.startswith(mark):
            return _decode_marked(data, mark, encoding)
    if b"\0" in data:
        raise ValueError(
            "The file is not text: it holds NUL bytes. (UTF-16 and UTF-32 need a byte "
            "order mark; save the file as UTF-8.)"
        )
    try:
        return DecodedDocument(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        text = _decode_gb18030(data)
        if text is None:
            raise ValueError(
                "The file's encoding is not known: it is not UTF-8 (byte "
                f"{error.start} cannot be read) and does not look like Chinese text "
                "in GB18030. Save the file as UTF-8."
            ) from error
        return DecodedDocument(text, "gb18030")


def _decode_marked(data, mark, encoding):
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"The file's byte order mark says {encoding.upper()}, but byte "
            f"{error.start + len(mark)} cannot be read as such."
        ) from error
    text = without_byte_order_mark(text)
    return DecodedDocument(text, encoding, has_byte_order_mark=True)


def _decode_gb18030(data):
    """Return the text, or None if it does not look like Chinese."""
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return None
    foreign = [character for character in text if ord(character) > 127]
    private = sum("\ue000" <= character <= "\uf8ff" for character in foreign)
    if private > _MOST_PRIVATE_SHARE * len(foreign):
        return None
    kana = sum("\u3041" <= character <= "\u30ff" for character in foreign)
    if kana > _MOST_KANA_SHARE * len(foreign):
        return None
    common = sum(
        _COMMON_PAIR.fullmatch(character.encode("gb18030")) is not None
        for character in foreign
    )
    if common < _LEAST_COMMON_SHARE * len(foreign):
        return None
    frequent = sum(character in _FREQUENT for character in foreign)
    if len(foreign) >= _ENOUGH_CHARACTERS and frequent < _LEAST_FREQUENT_SHARE * len(
        foreign
    ):
        return None
    return text


def _too_many_controls(text):
    return len(_CONTROL.findall(text)) > _MOST_CONTROLS_SHARE * len(text)
