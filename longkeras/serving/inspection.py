"""Inspection of one place of a document."""

from dataclasses import dataclass

import numpy as np

from longkeras.serving.alternatives import CharacterSearch
from longkeras.serving.characters import character_label
from longkeras.serving.context_reader import context_ids, read_context
from longkeras.serving.shared_model import SharedModel

LONGEST_BEGINNING = 3
"""Bytes of a character before its last one: a character has four at most."""

MOST_CONTEXT_BYTES = 4096
"""Most bytes before a place that are given to a model, however far it sees."""


@dataclass(frozen=True)
class Alternative:
    """A character that a model considered possible at a place.

    Args:
        character: str. The character.
        label: str. How to show it alone (`⏎` for a line break).
        probability: float.
        is_actual: bool. Whether the text has this character there.
    """

    character: str
    label: str
    probability: float
    is_actual: bool


@dataclass(frozen=True, eq=False)
class Inspection:
    """The text around one place and the prediction of a model there.

    Args:
        name: str. The model.
        index: int. Index of the inspected character in the document.
        first: int. Index of the first character shown.
        characters: tuple of str. The characters shown.
        labels: tuple of str. How to show each alone.
        character_bits: float32 array of shape `(characters shown,)`. As read.
        alternatives: tuple of `Alternative`. The most probable first.
        actual_probability: float. Of the character that stands there, after the
            context below.
        context_bytes: int. Bytes before the place that the model was given.
        is_whole_context: bool. Whether that is all that the reading's prediction
            depended on.
    """

    name: str
    index: int
    first: int
    characters: tuple
    labels: tuple
    character_bits: np.ndarray
    alternatives: tuple
    actual_probability: float
    context_bytes: int
    is_whole_context: bool


def inspect_place(model, reading, index, *, radius=40, top_k=8):
    """Inspect one character: the text around it and the prediction of the model.

    Alternatives are whole characters: after each probable first byte the probable
    continuation bytes are followed until the character is complete.

    Args:
        model: `SharedModel`, or a model with the decode contract; the one that made
            the reading.
        reading: `Reading`.
        index: int. Index of the character in `reading.text`.
        radius: int. Characters shown on each side.
        top_k: int. How many alternatives.

    Returns:
        `Inspection`.

    Raises:
        ValueError: `index` is outside the text.
    """
    if not 0 <= index < reading.num_characters:
        raise ValueError(
            f"`index` must be from 0 to {reading.num_characters - 1}. "
            f"Received: index={index}"
        )
    model = SharedModel.of(model, reading.name)
    position = int(reading.character_starts[index])
    wanted_bytes = reading.protocol.context_before(position)
    data = reading.text[:index].encode()
    token_ids = context_ids(
        model,
        data,
        most_bytes=min(wanted_bytes, MOST_CONTEXT_BYTES),
        reserve=LONGEST_BEGINNING,
    )
    bytes_given = min(len(token_ids), len(data))
    logits, state = read_context(model, token_ids)
    search = CharacterSearch(model, state, logits)
    actual = reading.text[index]
    found = search.most_probable(top_k)
    first = max(0, index - radius)
    characters = tuple(reading.text[first : index + radius + 1])
    return Inspection(
        name=reading.name,
        index=index,
        first=first,
        characters=characters,
        labels=tuple(character_label(character) for character in characters),
        character_bits=reading.character_bits[first : first + len(characters)],
        alternatives=tuple(
            Alternative(
                character, character_label(character), probability, character == actual
            )
            for character, probability in found
        ),
        actual_probability=search.probability(actual),
        context_bytes=bytes_given,
        is_whole_context=bytes_given == wanted_bytes,
    )
