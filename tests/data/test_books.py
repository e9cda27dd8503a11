import bz2
import json

import pytest

from longkeras.data import Book, data_directory, load_books, read_books


def write_split(folder, split, records):
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
        for record in records
    ]
    path = folder / f"{split}.jsonl.bz2"
    path.write_bytes(bz2.compress("\n".join(lines).encode("utf-8")))
    return path


def english(folder, split="train"):
    record = {
        "id": "ENG1",
        "title": "Emma :\n   ELTeC edition",
        "author": "Austen, Jane",
        "text": "Emma Woodhouse, handsome, clever, and rich",
    }
    return write_split(folder / "lm_en_books", split, [record])


def chinese(folder, split="train"):
    record = {
        "title": "三国演义",
        "kind": "fiction",
        "chapters": [["第一回", "滚滚长江"], ["第二回", "浪花淘尽"]],
    }
    return write_split(folder / "lm_zh_classics", split, [record])


def test_a_whole_book_is_read_with_a_tidy_title(tmp_path):
    english(tmp_path)
    (book,) = read_books(tmp_path / "lm_en_books", "train")
    assert book == Book(
        "Emma", "en", "Emma Woodhouse, handsome, clever, and rich", "Austen, Jane"
    )


def test_chapters_are_joined_with_their_names(tmp_path):
    chinese(tmp_path)
    (book,) = read_books(str(tmp_path / "lm_zh_classics"), "train")
    assert book.language == "zh"
    assert book.text == "第一回\n滚滚长江\n第二回\n浪花淘尽"


def test_a_folder_of_ones_own_may_name_the_language_in_each_line(tmp_path):
    write_split(tmp_path, "valid", [{"title": "a", "text": "b", "language": "de"}])
    (book,) = read_books(tmp_path, "valid")
    assert book.language == "de"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{not json", "Expecting"),
        ('["a"]', "JSON object"),
        ('{"text": "a"}', "`title`"),
        ('{"title": "a"}', "`chapters`"),
        ('{"title": "a", "text": "  "}', "not empty"),
        ('{"title": "a", "text": 3}', "string"),
        ('{"title": "a", "chapters": [["name"]]}', "pair"),
        ('{"title": "a", "chapters": []}', "`chapters`"),
    ],
)
def test_a_wrong_line_is_named_with_file_and_number(tmp_path, line, message):
    folder = tmp_path / "lm_en_books"
    good = {"title": "Emma", "text": "Emma Woodhouse"}
    path = write_split(folder, "test", [good, "", line])
    with pytest.raises(ValueError, match=message) as caught:
        list(read_books(folder, "test"))
    assert f"{path}, line 3" in str(caught.value)


def test_an_unknown_language_is_an_error(tmp_path):
    write_split(tmp_path, "valid", [{"title": "a", "text": "b"}])
    with pytest.raises(ValueError, match="`language`"):
        list(read_books(tmp_path, "valid"))


@pytest.mark.parametrize("damage", ["cut", "not packed", "not utf-8"])
def test_a_damaged_file_is_a_readable_error(tmp_path, damage):
    path = english(tmp_path)
    packed = path.read_bytes()
    contents = {
        "cut": packed[:-10],
        "not packed": b"Emma Woodhouse",
        "not utf-8": bz2.compress(b'{"title": "\xff\xfe"}'),
    }
    path.write_bytes(contents[damage])
    with pytest.raises(ValueError, match=r"train\.jsonl\.bz2"):
        list(read_books(path.parent, "train"))


def test_an_unknown_split_and_a_missing_file_are_named(tmp_path):
    with pytest.raises(ValueError, match="`split`"):
        list(read_books(tmp_path, "validation"))
    with pytest.raises(FileNotFoundError, match=r"train\.jsonl\.bz2"):
        list(read_books(tmp_path, "train"))


def test_the_argument_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)
    assert data_directory() is None
    monkeypatch.setenv("LONGKERAS_DATA", str(tmp_path))
    assert data_directory() == tmp_path
    other = tmp_path / "other"
    other.mkdir()
    assert data_directory(other) == other
    monkeypatch.setenv("LONGKERAS_DATA", "")
    assert data_directory() is None


def test_a_missing_data_directory_is_named_with_its_origin(tmp_path, monkeypatch):
    missing = str(tmp_path / "missing")
    with pytest.raises(ValueError, match=r"`path`.*missing"):
        data_directory(missing)
    monkeypatch.setenv("LONGKERAS_DATA", missing)
    with pytest.raises(ValueError, match=r"`LONGKERAS_DATA`.*missing"):
        data_directory()


def test_books_of_both_languages_are_loaded_in_the_order_asked_for(tmp_path):
    english(tmp_path)
    chinese(tmp_path)
    both = load_books(tmp_path, "train", languages=("zh", "en"))
    assert [book.title for book in both] == ["三国演义", "Emma"]
    assert [book.title for book in load_books(tmp_path, languages=["en"])] == ["Emma"]
    with pytest.raises(ValueError, match="`languages`"):
        load_books(tmp_path, languages=["fr"])


def test_without_a_directory_the_bundled_samples_are_the_books(monkeypatch):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)
    books = load_books()
    assert {book.language for book in books} == {"en", "zh"}
    assert all(len(book.text) > 1000 for book in books)


def test_no_byte_order_mark_of_a_corpus_gets_into_a_book(tmp_path):
    whole = json.dumps({"title": "\ufeffEmma", "text": "\ufeff\ufeffEmma Woodhouse"})
    chapters = [["\ufeffI", "\ufeffOnce"], ["II", "Twice \ufeff"]]
    second = json.dumps({"title": "Two", "chapters": chapters})
    lines = ["\ufeff" + whole, "\ufeff", "\ufeff" + second]
    write_split(tmp_path, "train", lines)
    first, second = read_books(tmp_path, "train", language="en")
    assert (first.title, first.text) == ("Emma", "Emma Woodhouse")
    assert second.text.startswith("I\nOnce")
    assert second.text.endswith("Twice \ufeff")
