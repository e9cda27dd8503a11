import bz2
import json

import pytest

from longkeras.data import Passage, label_names, load_passages, read_passages

RECORD = {"label": "Austen", "book": "Emma", "text": "Emma Woodhouse, handsome"}


def write_split(folder, split, lines):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{split}.jsonl.bz2"
    path.write_bytes(bz2.compress("\n".join(lines).encode("utf-8")))


def test_a_passage_is_read_with_its_label_and_book(tmp_path):
    write_split(tmp_path, "valid", [json.dumps({**RECORD, "more": 1}), "", ""])
    assert list(read_passages(tmp_path, "valid")) == [
        Passage("Austen", "Emma", "Emma Woodhouse, handsome")
    ]


def test_the_data_directory_is_named_by_argument_or_environment(tmp_path, monkeypatch):
    write_split(tmp_path / "cls_en_novel_authors", "test", [json.dumps(RECORD)])
    assert load_passages(tmp_path, "test") == [Passage(**RECORD)]
    monkeypatch.setenv("LONGKERAS_DATA", str(tmp_path))
    assert load_passages(split="test") == [Passage(**RECORD)]


@pytest.mark.parametrize(
    "line",
    [
        "[1]",
        "{",
        json.dumps({**RECORD, "label": 3}),
        json.dumps({**RECORD, "text": "  "}),
        json.dumps({"label": "Austen", "text": "Emma"}),
    ],
)
def test_a_line_of_another_form_is_named(tmp_path, line):
    write_split(tmp_path, "train", [json.dumps(RECORD), line])
    with pytest.raises(ValueError, match=r"train\.jsonl\.bz2, line 2: "):
        list(read_passages(tmp_path, "train"))


def test_an_unknown_split_and_a_missing_one_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)
    with pytest.raises(ValueError, match="`split`"):
        read_passages(tmp_path, "dev")
    with pytest.raises(ValueError, match="`split`"):
        load_passages(split="dev")
    with pytest.raises(FileNotFoundError, match="test"):
        read_passages(tmp_path, "test")


def test_the_bundled_passages_are_of_two_authors_and_never_twice(monkeypatch):
    monkeypatch.delenv("LONGKERAS_DATA", raising=False)
    splits = {split: load_passages(split=split) for split in ("train", "valid", "test")}
    for passages in splits.values():
        labels = [passage.label for passage in passages]
        assert len(label_names(passages)) == 2
        assert labels.count(labels[0]) == labels.count(labels[1])
    texts = [passage.text for group in splits.values() for passage in group]
    assert len(texts) == len(set(texts)) >= 60
    assert {len(text.split(" ")) for text in texts} == {250}
