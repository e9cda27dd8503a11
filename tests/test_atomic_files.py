"""Files and folders that are replaced whole or not at all."""

import errno
import os
import stat

import pytest

from longkeras import atomic_files
from longkeras.atomic_files import replaced_file, replaced_folder


def keep_all(new, place):
    return True


@pytest.fixture
def old_folder(tmp_path):
    path = tmp_path / "folder"
    (path / "logs").mkdir(parents=True)
    (path / "model").write_text("old")
    (path / "logs" / "loss").write_text("1.9")
    os.symlink("model", path / "link")
    return path


@pytest.fixture(params=["exchanged", "moved aside"])
def way(request, monkeypatch):
    """In one step, as on Linux, or in two, as elsewhere."""
    if request.param == "moved aside":
        monkeypatch.setattr(atomic_files, "_exchange", lambda new, old: False)
    return request.param


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "new" / "file"
    for content in ("one", "two"):
        with replaced_file(path) as place:
            place.write_text(content)
            assert not path.exists() or path.read_text() == "one"
        assert path.read_text() == content
        assert os.listdir(path.parent) == ["file"]


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replaced_file(path) as place:
        place.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_files_beside_it_come_along(tmp_path):
    path = tmp_path / "model.weights.json"
    with replaced_file(path) as place:
        place.write_text("{}")
        place.with_name("model_00000.weights.h5").write_text("numbers")
    assert sorted(os.listdir(tmp_path)) == [
        "model.weights.json",
        "model_00000.weights.h5",
    ]


def test_nothing_written_is_nothing_replaced(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with replaced_file(path):
        pass
    assert path.read_text() == "old"


def test_what_a_link_points_to_is_replaced(tmp_path):
    (tmp_path / "file").write_text("old")
    os.symlink("file", tmp_path / "link")
    with replaced_file(tmp_path / "link") as place:
        place.write_text("new")
    assert (tmp_path / "file").read_text() == "new"
    assert (tmp_path / "link").is_symlink()


def test_who_may_read_the_file_stays_the_same(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o640)
    with replaced_file(path) as place:
        place.write_text("new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_space_that_is_not_there_is_missed_before_writing(old_folder, tmp_path):
    for place in (
        replaced_file(tmp_path / "file", 2**60),
        replaced_folder(old_folder, keep_all, 2**60),
    ):
        with pytest.raises(OSError, match=r"No space|too large"), place:
            pytest.fail("reached")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_file_system_that_cannot_tell_its_space_is_trusted(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with replaced_file(tmp_path / "file", 10) as place:
        place.write_text("new")
    assert (tmp_path / "file").read_text() == "new"


def test_a_long_name_is_no_hindrance(tmp_path):
    path = tmp_path / ("x" * 250)
    with replaced_file(path) as place:
        place.write_text("new")
    assert path.read_text() == "new"


def test_a_folder_is_replaced_with_what_is_kept(old_folder, way):
    log = (old_folder / "logs" / "loss").open("a")
    with replaced_folder(old_folder, keep_all) as place:
        assert not os.listdir(place)
        (place / "model").write_text("new")
        assert (old_folder / "model").read_text() == "old"
    with log:
        log.write(" 1.8")  # somebody goes on writing
    assert (old_folder / "model").read_text() == "new"
    assert (old_folder / "logs" / "loss").read_text() == "1.9 1.8"
    assert os.readlink(old_folder / "link") == "model"
    assert os.listdir(old_folder.parent) == ["folder"]


def test_what_is_not_kept_goes(old_folder, way):
    with replaced_folder(old_folder, lambda new, place: place.name == "link") as place:
        (place / "other").write_text("new")
    assert sorted(os.listdir(old_folder)) == ["link", "other"]


def test_a_failure_leaves_the_old_folder(old_folder, way):
    with (
        pytest.raises(OSError, match="full"),
        replaced_folder(old_folder, keep_all) as place,
    ):
        (place / "model").write_text("half")
        raise OSError("full")
    assert (old_folder / "model").read_text() == "old"
    assert os.listdir(old_folder.parent) == ["folder"]


def test_a_move_that_fails_is_taken_back(old_folder, monkeypatch):
    monkeypatch.setattr(atomic_files, "_exchange", lambda new, old: False)
    replace, calls = os.replace, []

    def fail_once(one, other):
        calls.append(one)
        if len(calls) == 2:
            raise OSError("gone")
        replace(one, other)

    monkeypatch.setattr(os, "replace", fail_once)
    with (
        pytest.raises(OSError, match="gone"),
        replaced_folder(old_folder, keep_all) as place,
    ):
        (place / "model").write_text("new")
    assert (old_folder / "model").read_text() == "old"
    assert os.listdir(old_folder.parent) == ["folder"]


def test_files_that_cannot_be_linked_are_copied(old_folder, monkeypatch):
    def refuse(*arguments, **keywords):
        raise OSError("no links on this file system")

    monkeypatch.setattr(os, "link", refuse)
    with replaced_folder(old_folder, keep_all) as place:
        (place / "model").write_text("new")
    assert (old_folder / "logs" / "loss").read_text() == "1.9"
    assert (old_folder / "link").is_symlink()


def test_a_new_folder_is_made(tmp_path, way):
    with replaced_folder(tmp_path / "a" / "b", keep_all) as place:
        (place / "model").write_text("new")
    assert (tmp_path / "a" / "b" / "model").read_text() == "new"
    assert os.listdir(tmp_path / "a") == ["b"]
