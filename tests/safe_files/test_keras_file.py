"""Archives that are damaged, or more than a saved model."""

import stat
import struct
import warnings
import zipfile

import numpy as np
import pytest

from longkeras import CheckpointError, load_model
from longkeras.safe_files import check_keras_file
from tests.safe_files.saved_files import read_members, write_members


def test_a_good_file_passes_and_loads(good_file):
    check_keras_file(good_file)
    assert load_model(good_file).count_params() == 26


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_packed_again_passes_and_loads(good_file, tmp_path, compression):
    path = tmp_path / "again.keras"
    write_members(path, read_members(good_file), compression)
    check_keras_file(path)
    assert load_model(path).count_params() == 26


def test_a_file_cut_anywhere_is_named(good_file, tmp_path):
    whole = good_file.read_bytes()
    path = tmp_path / "cut.keras"
    lengths = {0, 1, 4, 22, len(whole) - 1, len(whole) - 22}
    for length in sorted(lengths | set(range(0, len(whole), len(whole) // 60))):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"cut\.keras"):
            check_keras_file(path)
    with pytest.raises(CheckpointError, match=r"cut\.keras"):
        load_model(path)


def test_a_flipped_byte_is_found_or_does_not_matter(good_file, tmp_path):
    whole = good_file.read_bytes()
    members = read_members(good_file)
    path = tmp_path / "flipped.keras"
    places = np.random.default_rng(0).integers(0, len(whole), size=250)
    found = 0
    for place in [*places, *range(30), *range(len(whole) - 30, len(whole))]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(place) % 8
        path.write_bytes(damaged)
        try:
            check_keras_file(path)
        except CheckpointError as error:
            assert "flipped.keras" in str(error)
            found += 1
        else:
            # The date of a member, for example.
            assert read_members(path) == members
    assert found > 200


def test_bytes_in_front_do_not_matter(good_file, tmp_path):
    path = tmp_path / "moved.keras"
    path.write_bytes(b"#!/bin/sh\n" + good_file.read_bytes())
    check_keras_file(path)


def add_member(archive, name, content=b"x", mode=0, **details):
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    for key, value in details.items():
        setattr(member, key, value)
    archive.writestr(member, content)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../outside",
        "assets/../../outside",
        "assets//outside",
        "assets/./here",
        "assets\\..\\outside",
        "assets/C:outside",
        "assets",
        "model.weights.npz",
        "Model.weights.h5",
        "virus.py",
        "config.json/",
    ],
)
def test_a_name_that_keras_does_not_write_is_refused(good_file, tmp_path, name):
    path = write_members(tmp_path / "bad.keras", read_members(good_file))
    with zipfile.ZipFile(path, "a") as archive:
        add_member(archive, name)
    with pytest.raises(CheckpointError, match=r"none of a saved model.*bad\.keras"):
        load_model(path)


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(good_file, tmp_path, mode):
    path = write_members(tmp_path / "bad.keras", read_members(good_file))
    with zipfile.ZipFile(path, "a") as archive:
        add_member(archive, "assets/words.txt", b"/etc/passwd", mode=mode | 0o777)
    with pytest.raises(CheckpointError, match=r"words\.txt.*link"):
        check_keras_file(path)


def test_assets_and_their_folders_are_fine(good_file, tmp_path):
    path = write_members(tmp_path / "good.keras", read_members(good_file))
    with zipfile.ZipFile(path, "a") as archive:
        add_member(archive, "assets/", b"", mode=stat.S_IFDIR | 0o755)
        add_member(archive, "assets/tokenizer/words.txt", mode=stat.S_IFREG | 0o644)
    check_keras_file(path)


def test_a_member_that_is_there_twice_is_refused(good_file, tmp_path):
    path = write_members(tmp_path / "bad.keras", read_members(good_file))
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        archive.writestr("config.json", "{}")
    with pytest.raises(CheckpointError, match=r"config\.json' more than once"):
        check_keras_file(path)


def test_an_encrypted_member_is_refused(good_file, tmp_path):
    content = bytearray(good_file.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 8] |= 1
    (tmp_path / "bad.keras").write_bytes(content)
    with pytest.raises(CheckpointError, match="encrypted"):
        check_keras_file(tmp_path / "bad.keras")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(good_file, tmp_path, method):
    path = write_members(tmp_path / "bad.keras", read_members(good_file), method)
    with pytest.raises(CheckpointError, match="packed oddly"):
        check_keras_file(path)


def test_a_bomb_is_refused_without_being_unpacked(good_file, tmp_path):
    members = read_members(good_file)
    path = tmp_path / "bomb.keras"
    members["assets/bomb"] = bytes(80 * 2**20)
    write_members(path, members, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**20
    with pytest.raises(CheckpointError, match=r"without measure.*bomb\.keras"):
        load_model(path)


def test_a_size_that_is_a_lie_is_found(good_file, tmp_path):
    content = bytearray(good_file.read_bytes())
    directory = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, directory + 24, 2**31)
    (tmp_path / "lie.keras").write_bytes(content)
    with pytest.raises(CheckpointError, match="without measure"):
        check_keras_file(tmp_path / "lie.keras")


def test_members_that_share_their_bytes_are_refused(good_file, tmp_path):
    content = bytearray(good_file.read_bytes())
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 4)
    content[second + 42 : second + 46] = content[first + 42 : first + 46]
    (tmp_path / "shared.keras").write_bytes(content)
    with pytest.raises(CheckpointError, match="overlap"):
        check_keras_file(tmp_path / "shared.keras")


def test_too_many_members_are_refused(good_file, tmp_path):
    members = read_members(good_file)
    members.update({f"assets/{i}": b"" for i in range(10_000)})
    path = write_members(tmp_path / "many.keras", members)
    with pytest.raises(CheckpointError, match="10003 members"):
        check_keras_file(path)


def test_an_archive_without_its_weights_is_named(good_file, tmp_path):
    members = read_members(good_file)
    del members["model.weights.h5"]
    path = write_members(tmp_path / "bad.keras", members)
    with pytest.raises(CheckpointError, match=r"holds no model\.weights\.h5.*bad"):
        load_model(path)


def test_a_folder_or_nothing_is_no_archive(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.keras"):
        with pytest.raises(CheckpointError, match=path.name):
            check_keras_file(path)
