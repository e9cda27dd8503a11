from pathlib import Path

import pytest

import longkeras.data
from longkeras.data import sample, samples

FOLDER = Path(longkeras.data.__file__).parent / "samples"


def test_every_sample_is_whole_and_says_where_it_comes_from():
    for item in samples():
        assert len(item.text) == item.characters
        assert item.text.strip()
        assert "\r" not in item.text
        assert not [c for c in item.text if ord(c) < 32 and c not in "\n\t"]
        for value in (item.title, item.title_zh, item.author):
            assert value.strip()
        assert "@" in item.source
        assert "public domain" in item.licence


def test_long_samples_exist_in_english_and_in_chinese():
    long = [item.language for item in samples() if item.characters >= 20_000]
    assert long.count("en") >= 2
    assert long.count("zh") >= 2
    assert "mixed" in {item.language for item in samples()}


def test_samples_are_found_by_name():
    names = [item.name for item in samples()]
    assert len(set(names)) == len(names)
    assert [sample(name).name for name in names] == names
    with pytest.raises(ValueError, match="`name`"):
        sample("war-and-peace")


def test_the_samples_stay_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 400_000


def test_listing_readme_and_files_agree():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for item in samples():
        assert f"| `{item.name}` |" in readme
        assert f"| {item.characters:,} | {item.language} |" in readme
    files = {path.name for path in FOLDER.glob("*.txt")}
    assert files == {item.file for item in samples()}
