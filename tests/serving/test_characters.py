import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longkeras.serving.characters import (
    character_label,
    cut_at_character,
    part_to_read,
)

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)


@given(st.characters(codec="utf-8"))
def test_every_label_can_be_seen_and_stands_alone(character):
    label = character_label(character)
    assert label
    for shown in label:
        category = unicodedata.category(shown)
        assert category[0] not in "CZ" and category not in ("Mn", "Me")


@pytest.mark.parametrize(
    ("character", "label"),
    [
        ("\n", "⏎"),
        (" ", "␣"),
        ("\t", "⇥"),
        ("\r", "␍"),
        ("\x00", "␀"),
        ("\x7f", "␡"),
        ("\u3000", "U+3000"),
        ("\u202e", "U+202E"),
        ("\u0301", "U+0301"),
        ("é", "é"),
        ("月", "月"),
    ],
)
def test_labels(character, label):
    assert character_label(character) == label


@given(TEXT, st.integers(1, 130))
def test_a_cut_keeps_as_many_whole_characters_as_fit(text, max_bytes):
    kept = cut_at_character(text.encode(), max_bytes).decode()
    assert text.startswith(kept) and kept
    assert len(kept) == 1 or len(kept.encode()) <= max_bytes
    if kept != text:
        assert len(text[: len(kept) + 1].encode()) > max_bytes


@pytest.mark.parametrize(
    ("length", "read"),
    [(19_999, 19_999), (20_053, 20_053), (22_000, 22_000), (22_001, 20_000)],
)
def test_a_little_more_is_read_rather_than_a_little_dropped(length, read):
    assert len(part_to_read(b"x" * length, 20_000)) == read


def test_what_is_left_out_is_cut_at_a_whole_character():
    assert part_to_read("月".encode() * 50, 100) == "月".encode() * 33
    assert part_to_read("月".encode() * 36, 100) == "月".encode() * 36
