"""Inspection of one character of a document."""

from dataclasses import dataclass

import numpy as np

from longkeras.serving.alternatives import CharacterSearch
from longkeras.serving.characters import character_label
from longkeras.serving.context_reader import context_ids, read_context
from longkeras.serving.shared_model import SharedModel

LONGEST_BEGINNING = 3
"""Most bytes of a character before its last byte, since it has at most four."""

MOST_CONTEXT_BYTES = 4096
"""Most bytes of context that are given to a model, however long its context is."""


@dataclass(frozen=True)
class Alternative:
    """A character that a model predicts at a position.

    Args:
        character: str. The character.
        label: str. Visible label (`⏎` for a line break).
        probability: float.
        is_actual: bool. Whether it is the character of the text.
    """

    character: str
    label: str
    probability: float
    is_actual: bool


@dataclass(frozen=True, eq=False)
class Inspection:
    """The text around one character and a model's prediction of that character.

    Args:
        name: str. The model.
        index: int. Index of the inspected character in the document.
        first: int. Index of the first character shown.
        characters: tuple of str. The characters shown.
        labels: tuple of str. A visible label for each.
        character_bits: float32 array of shape `(characters shown,)`. As read.
        alternatives: tuple of `Alternative`. The most probable first.
        actual_probability: float. Probability of the character of the text, given the
            context below.
        context_bytes: int. Bytes of context that the model was given.
        is_whole_context: bool. Whether the reading's prediction had no more context.
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
    """Inspect one character: the text around it and the model's prediction.

    Alternatives are whole characters: each probable first byte is extended by probable
    continuation bytes until the character is complete.

    Args:
        model: `SharedModel`, or a model with the decode contract. The model of the
            reading.
        reading: `Reading`.
        index: int. Index of the character in `reading.text`.
        radius: int. Characters shown on each side.
        top_k: int. Number of alternatives.

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
