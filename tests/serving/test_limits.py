import pytest

from longkeras.serving import (
    MAX_TEXT_BYTES,
    MAX_UPLOAD_BYTES,
    InputError,
    check_choices,
    check_text,
    check_upload,
)
from longkeras.serving.limits import MESSAGES, check_number


def code_of(call, *args):
    with pytest.raises(InputError) as error:
        call(*args)
    # The message is a sentence with its values filled in.
    assert str(error.value) and "{" not in str(error.value)
    return error.value.code


@pytest.mark.parametrize("text", ["x", "月", "a b\n", "\ufeffx", "🙂", "\x01"])
def test_any_text_with_a_character_is_accepted_unchanged(text):
    checked = check_text(text)
    assert checked.text == text
    assert checked.num_bytes == len(text.encode())
    assert checked.num_characters == len(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "not_text"),
        (b"bytes", "not_text"),
        ("", "empty"),
        (" \n\t\u3000", "empty"),
        ("ab\0c", "nul"),
        ("half \ud83d", "surrogate"),
        ("\udfffhalf", "surrogate"),
        ("a" * 5_000_000, "too_long"),
        ("月" * (MAX_TEXT_BYTES // 3 + 1), "too_long"),
    ],
)
def test_text_that_cannot_be_read_is_refused_with_a_code(text, code):
    assert code_of(check_text, text) == code


def test_the_messages_say_what_was_received():
    with pytest.raises(ValueError, match="5,000,000 bytes; at most 4,000,000"):
        check_text("a" * 5_000_000)
    with pytest.raises(ValueError, match=r"U\+D800, at character 2"):
        check_text("ab\ud800")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_an_uploaded_file_is_decoded(tmp_path, encoding):
    text = "話說天下大勢，分久必合，合久必分。话说天下大势，分久必合。\n" * 8
    path = tmp_path / "三国.TXT"
    path.write_bytes(text.encode(encoding))
    checked = check_upload(str(path))
    assert checked.text == text
    assert checked.name == "三国.TXT"
    assert checked.encoding.split("-")[0] == encoding.split("-")[0]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.pdf", b"%PDF", "file_type"),
        ("a", b"text", "file_type"),
        ("a.txt", b"", "file_empty"),
        ("a.txt", b"  \n", "empty"),
        ("a.txt", b"\xef\xbb\xbf", "file_not_text"),
        ("a.md", bytes(range(256)) * 4, "file_not_text"),
        ("a.txt", b"a\0b", "file_not_text"),
        ("a.txt", "Ünïcödé größer straße".encode("latin-1"), "file_not_text"),
        ("a.txt", b"a" * (MAX_UPLOAD_BYTES + 1), "file_too_long"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_code(tmp_path, name, data, code):
    path = tmp_path / name
    path.write_bytes(data)
    assert code_of(check_upload, str(path)) == code


def test_a_file_that_has_gone_is_refused(tmp_path):
    assert code_of(check_upload, str(tmp_path / "gone.txt")) == "file_missing"


def test_choices_keep_the_order_of_the_models():
    assert check_choices(["c", "a"], ("a", "b", "c")) == ("a", "c")
    assert code_of(check_choices, [], ("a",)) == "no_models"
    assert code_of(check_choices, None, ("a",)) == "no_models"
    assert code_of(check_choices, ["a", "z"], ("a",)) == "unknown_model"


@pytest.mark.parametrize("number", [None, "3", True, float("nan"), -1, 11])
def test_numbers_outside_their_range_are_refused(number):
    assert code_of(check_number, "length", number, 0, 10) == "out_of_range"


def test_every_message_has_a_code_of_its_own():
    assert len(set(MESSAGES.values())) == len(MESSAGES)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_counts_the_same_however_it_ends(end, tmp_path):
    text = f"one{end}two{end}{end}"
    path = tmp_path / "lines.txt"
    path.write_bytes(text.encode())
    for checked in (check_text(text), check_upload(str(path))):
        assert checked.text == "one\ntwo\n\n"
        assert (checked.num_bytes, checked.num_characters) == (9, 9)
