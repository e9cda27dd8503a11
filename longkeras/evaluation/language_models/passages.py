"""Passages of equal length drawn from texts, and perturbations of them."""

import re

import numpy as np

CONTINUATION, LEADING = 0b10000000, 0b11000000
PERTURBATIONS = (
    "truncate",
    "shuffle",
    "reverse",
    "drop_random",
    "drop_content",
    "drop_function",
    "replace",
)
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# A Han character, a word with the blanks after it, or blanks.
_UNIT = re.compile(rf"[{_HAN}]|[^\s{_HAN}]+\s*|\s+")
_DROPPED_SHARE = 0.5
# Articles, pronouns, prepositions, conjunctions, auxiliaries.
_FUNCTION_WORDS = """
a about above after again against all am an and any are as at be because been
before being below between both but by can could did do does doing down during
each few for from further had has have having he her here hers herself him himself
his how i if in into is it its itself just may me might more most must my myself no
nor not now of off on once only or other our ours ourselves out over own same shall
she should so some such than that the their theirs them themselves then there these
they this those through to too under until up upon us very was we were what when
where which while who whom whose why will with would you your yours yourself
之 乎 者 也 而 其 以 于 於 為 为 所 与 與 則 则 乃 且 若 因 夫 焉 矣 哉 耳 的 了 着
著 过 過 是 在 有 不 我 你 他 她 它 們 们 这 這 那 就 都 和 又 此 彼 何 皆 亦
"""
_IS_FUNCTION_WORD = frozenset(_FUNCTION_WORDS.split()).__contains__


def draw_passages(texts, length, count, rng):
    """Draw passages of the same length, spread evenly over texts.

    The possible starts in all texts are divided into `count` equal parts, and each
    passage begins at a random place of its own part, moved to the start of a character.

    Args:
        texts: sequence of str or bytes.
        length: int. Bytes of a passage.
        count: int. Passages.
        rng: `numpy.random.Generator`.

    Returns:
        list of `count` bytes objects, in the order of the texts. The last character
        may be cut.

    Raises:
        ValueError: If `length` or `count` is below 1, or no text is long enough.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> [len(passage) for passage in draw_passages(["Call me Ishmael."], 4, 3, rng)]
    [4, 4, 4]
    """
    for name, size in (("length", length), ("count", count)):
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}")
    encoded = [text.encode() if isinstance(text, str) else text for text in texts]
    rooms = np.array([max(0, len(text) - length + 1) for text in encoded], dtype=int)
    total = int(rooms.sum())
    if total == 0:
        raise ValueError(
            "`texts` must hold one that is at least as long as a passage. Received: "
            f"length={length}, texts of {list(map(len, encoded))} bytes"
        )
    places = ((np.arange(count) + rng.random(count)) * total / count).astype(int)
    ends = np.cumsum(rooms)
    passages = []
    for place in places:
        number = int(np.searchsorted(ends, place, side="right"))
        text = encoded[number]
        start = character_start(text, int(place - (ends[number] - rooms[number])))
        passages.append(text[start : start + length])
    return passages


def character_start(data, place):
    """The first byte of the character that contains a byte of UTF-8 data."""
    for start in range(place, max(-1, place - 4), -1):
        if start >= len(data) or data[start] & LEADING != CONTINUATION:
            return start
    return place


def perturb(context, kind, distance, rng, span=None, replacement=None):
    """Change the part of a context beyond a distance from its end.

    - `"truncate"` removes it;
    - `"shuffle"` and `"reverse"` reorder its words (in Chinese, its characters);
    - `"drop_random"` removes half of its words, drawn at random;
    - `"drop_content"` and `"drop_function"` remove words outside and inside a list of
      articles, pronouns, prepositions, conjunctions and auxiliaries, and keep
      punctuation;
    - `"replace"` replaces it with as many bytes of another text.

    Args:
        context: bytes. UTF-8, which may have a cut character at either end.
        kind: str. One of `PERTURBATIONS`.
        distance: int. Bytes at the end that are not changed, and up to three more where
            a character would be cut.
        rng: `numpy.random.Generator`.
        span: int. Number of bytes before these to change, if not all; not for
            `"truncate"`. Defaults to `None`: all.
        replacement: bytes. For `"replace"`: the other text, at least as long as the
            replaced part. Defaults to `None`.

    Returns:
        bytes, the changed context.

    Raises:
        ValueError: For an unknown kind, a negative `distance`, a `span` below 1 or for
            `"truncate"`, or a `replacement` that is missing or too short.

    Example:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> perturb(b"Call me Ishmael.", "truncate", 8, rng)
    b'Ishmael.'
    >>> perturb(b"Call me Ishmael.", "reverse", 8, rng)
    b'me Call Ishmael.'
    >>> perturb(b"In the sea of Ishmael.", "drop_function", 8, rng)
    b'sea Ishmael.'
    """
    if kind not in PERTURBATIONS:
        raise ValueError(f"`kind` must be one of {PERTURBATIONS}. Received: {kind!r}")
    if distance < 0:
        raise ValueError(f"`distance` must not be negative. Received: {distance}")
    if span is not None and (span < 1 or kind == "truncate"):
        raise ValueError(
            "`span` must be at least 1, and is not for 'truncate'. "
            f"Received: span={span}, kind={kind!r}"
        )
    border = character_start(context, max(0, len(context) - distance))
    start = 0 if span is None else character_start(context, max(0, border - span))
    before, far, near = context[:start], context[start:border], context[border:]
    if kind == "truncate":
        return near
    if kind == "replace":
        return before + _another_text(replacement, len(far), rng) + near
    units = _units(far)
    if kind == "reverse":
        units = units[::-1]
    elif kind == "shuffle":
        units = [units[index] for index in rng.permutation(len(units))]
    else:
        units = [unit for unit in units if not _is_dropped(unit, kind, rng)]
    return before + "".join(units).encode("utf-8", "surrogateescape") + near


def _units(data):
    # The bytes of a cut character are kept.
    return _UNIT.findall(data.decode("utf-8", "surrogateescape"))


def _is_dropped(unit, kind, rng):
    word = unit.strip().strip(".,;:!?\"'()[]-—‘’“”").lower()
    if not any(character.isalnum() for character in word):
        return False
    if kind == "drop_random":
        return rng.random() < _DROPPED_SHARE
    return _IS_FUNCTION_WORD(word) == (kind == "drop_function")


def _another_text(replacement, length, rng):
    if replacement is None or len(replacement) < length:
        have = None if replacement is None else len(replacement)
        raise ValueError(
            "`replacement` must be at least as long as what it replaces, "
            f"{length} bytes. Received: {have} bytes"
        )
    start = character_start(
        replacement, int(rng.integers(len(replacement) - length + 1))
    )
    return replacement[start : character_start(replacement, start + length)]
