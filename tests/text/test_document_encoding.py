import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from longkeras.data import sample
from longkeras.text import decode_document

PLAIN_TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n\t"),
    min_size=1,
)
ENCODINGS = ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "gb18030"]


def chinese(length):
    return sample("the-scholars").text[:length]


@given(text=PLAIN_TEXT)
def test_any_text_comes_back_from_utf_8(text):
    # The text may itself begin with the character that marks the byte order.
    assume(text.lstrip("\ufeff"))
    document = decode_document(text.encode("utf-8"))
    assert document.text == text.lstrip("\ufeff")
    assert document.encoding == "utf-8"


@given(
    text=PLAIN_TEXT,
    encoding=st.sampled_from(ENCODINGS),
    marks=st.integers(1, 3),
)
def test_no_byte_order_mark_stays_in_front_of_any_text(text, encoding, marks):
    text = text.lstrip("\ufeff")
    assume(text)
    document = decode_document(("\ufeff" * marks + text).encode(encoding))
    assert document.text == text
    assert document.encoding == encoding
    assert document.has_byte_order_mark


def test_a_marked_gb18030_file_need_not_look_like_chinese():
    assert decode_document(b"\x841\x953plain").text == "plain"
    with pytest.raises(ValueError, match="says GB18030, but byte 6 cannot"):
        decode_document(b"\x841\x953a \xff")


def test_a_mark_inside_a_text_is_a_character_of_it():
    assert decode_document("one\ufefftwo".encode()).text == "one\ufefftwo"


@settings(max_examples=50)
@given(start=st.integers(0, 26_000), length=st.integers(20, 900))
def test_any_passage_of_chinese_prose_comes_back_from_gb18030(start, length):
    passage = sample("the-scholars").text[start : start + length]
    document = decode_document(passage.encode("gb18030"))
    assert document.text == passage


@pytest.mark.parametrize("encoding", ["gb2312", "gbk", "gb18030"])
@pytest.mark.parametrize("length", [4, 63, 1000, 26_972])
def test_all_forms_of_gb18030_are_detected(encoding, length):
    text = chinese(length).encode(encoding, errors="ignore").decode(encoding)
    document = decode_document(text.encode(encoding))
    assert document.text == text
    assert document.encoding == "gb18030"


def test_traditional_and_mixed_chinese_are_detected():
    traditional = "話說天下大勢，分久必合，合久必分。周末七國分爭，并入於秦。" * 4
    mixed = sample("two-roads").text
    for text in (traditional, mixed):
        assert decode_document(text.encode("gb18030")).text == text


def test_a_rare_private_use_character_does_no_harm():
    text = chinese(200) + "\ue7a4"
    assert decode_document(text.encode("gb18030")).text == text


def test_a_utf_8_mark_is_removed_and_reported():
    document = decode_document(b"\xef\xbb\xbfCall me Ishmael.")
    assert document.text == "Call me Ishmael."
    assert document.has_byte_order_mark


def test_line_ends_are_left_as_they_are():
    assert decode_document(b"one\r\ntwo\rthree\n").text == "one\r\ntwo\rthree\n"


@pytest.mark.parametrize(
    "data", [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff\xfe\0\0", b"\xef\xbb\xbf" * 2]
)
def test_an_empty_file_is_called_empty(data):
    with pytest.raises(ValueError, match="empty"):
        decode_document(data)


@pytest.mark.parametrize(
    "data",
    [
        b"text\0text",
        "Call me Ishmael.".encode("utf-16-le"),
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\xff\xfea\0\0\0",
    ],
)
def test_files_with_nul_are_not_text(data):
    with pytest.raises(ValueError, match="not text"):
        decode_document(data)


def test_control_characters_are_not_text():
    with pytest.raises(ValueError, match="control"):
        decode_document(bytes(range(1, 32)) * 4)
    assert decode_document(b"a page\fand another\x1a").text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Люди, это звёзды, небо и земля. ", "cp1251"),
        ("Люди, это звёзды, небо и земля. ", "koi8-r"),
        ("Longtemps, je me suis couché de bonne heure, élève même. ", "latin-1"),
        ("話說天下大勢，分久必合，合久必分。周末七國分爭。", "big5"),
        ("吾輩は猫である。名前はまだ無い。どこで生れたか。", "shift-jis"),
        ("吾輩は猫である。名前はまだ無い。どこで生れたか。", "euc-jp"),
        ("모든 국민은 법 앞에 평등하다. 누구든지 차별을 받지 아니한다. ", "euc-kr"),
    ],
)
def test_other_encodings_are_refused_not_garbled(text, encoding):
    with pytest.raises(ValueError, match="UTF-8"):
        decode_document((text * 4).encode(encoding))


@pytest.mark.parametrize("size", [40, 200, 5000])
def test_random_bytes_are_not_taken_for_chinese(size):
    generator = np.random.default_rng(0)
    for _ in range(200):
        data = generator.integers(1, 256, size, dtype=np.uint8).tobytes()
        with pytest.raises(ValueError, match=r"UTF-8|not text|UTF-16"):
            decode_document(data)


def test_a_cut_utf_8_file_names_the_byte():
    with pytest.raises(ValueError, match=r"byte 13 "):
        decode_document(b"plain ascii, \xe4\xb8")


def test_a_broken_utf_16_file_is_named():
    with pytest.raises(ValueError, match="UTF-16-LE"):
        decode_document(b"\xff\xfea\0b")


def test_only_bytes_are_accepted():
    assert decode_document(bytearray(b"abc")).text == "abc"
    with pytest.raises(ValueError, match="`data`"):
        decode_document("a string")
