"""PyTorch's files: read without PyTorch, and without running what is in them."""

import os
import pickle
import zipfile

import numpy as np
import pytest

from longkeras import CheckpointError
from longkeras.conversion.tensor_files.torch_reader import read_torch_file
from tests.conversion import torch_file
from tests.conversion.torch_file import archive, dictionary, storage, tensor, text

ARRAYS = {
    "weight": np.arange(12, dtype="float32").reshape(3, 4),
    "transposed": np.arange(6, dtype="float32").reshape(2, 3).T,
    "half": np.linspace(-1, 1, 5).astype("float16"),
    "scalar": np.array(2.5, "float32"),
}
FORMS = {"archive": torch_file.archive_of, "legacy": torch_file.legacy_of}
NUMBERS = np.arange(6, dtype="float32").tobytes()
STORED = storage("0", 6)

each_form = pytest.mark.parametrize("form", FORMS)


def written(tmp_path, content):
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(content)
    return path


def read_all(path):
    return {name: found.read() for name, found in read_torch_file(path).items()}


def refusal(path):
    with pytest.raises(CheckpointError) as caught:
        read_all(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@each_form
def test_tensors_come_back(form, tmp_path):
    found = read_all(written(tmp_path, FORMS[form](ARRAYS)))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@each_form
def test_nothing_is_read_before_it_is_wanted(form, tmp_path):
    found = read_torch_file(written(tmp_path, FORMS[form](ARRAYS)))
    assert found["transposed"].shape == (3, 2)
    values = found["weight"].read()
    assert not values.flags.owndata
    assert not values.flags.writeable


@each_form
def test_a_file_cut_short_at_any_length_is_refused(form, tmp_path):
    content = FORMS[form](ARRAYS)
    path = tmp_path / "pytorch_model.bin"
    for length in [*range(0, len(content), 7), len(content) - 1]:
        path.write_bytes(content[:length])
        refusal(path)


@each_form
def test_a_damaged_byte_gives_one_kind_of_error_or_none(form, tmp_path):
    content = FORMS[form](ARRAYS)
    path = tmp_path / "pytorch_model.bin"
    for place in range(0, len(content), 5):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            read_all(path)
        except CheckpointError as error:
            assert str(path) in str(error)


def test_an_archive_knows_when_its_numbers_were_damaged(tmp_path):
    content = torch_file.archive_of(ARRAYS)
    place = content.index(ARRAYS["weight"].tobytes())
    damaged = content[:place] + b"\xff" + content[place + 1 :]
    assert "checksum of model/data/0" in refusal(written(tmp_path, damaged))


class Evil:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_would_run_a_command_does_not(protocol, tmp_path):
    witness = tmp_path / "witness"
    evil = pickle.dumps({"weight": Evil(f"touch {witness}")}, protocol)
    message = refusal(written(tmp_path, archive(evil, {})))
    if protocol:
        assert "posix.system" in message or "nt.system" in message
    legacy = torch_file.legacy_of(ARRAYS)
    start = legacy.index(torch_file.dictionary_of(ARRAYS))
    refusal(written(tmp_path, legacy[:start] + evil))
    assert not witness.exists()


OPERATIONS = {
    "a name of numpy": b"cnumpy\nload\n" + text("x") + b"\x85R",
    "a builtin": b"c__builtin__\neval\n" + text("1") + b"\x85R",
    "a call of a storage type": b"ctorch\nFloatStorage\n)R",
    "a call of a string": text("abc") + b")R",
    "an attribute of what is permitted": b"ccollections\nOrderedDict\n}"
    + text("make")
    + text("x")
    + b"sb",
    "an object made by its class": b"ccollections\nOrderedDict\n)\x81",
    "an old kind of instance": b"(icollections\nOrderedDict\n",
    "an extension": b"\x82\x01",
    "a storage of another kind": b"(" + text("module") + text("x") + b"tQ",
    "a missing memo": b"h\x07",
    "nothing to take": b"R",
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_makes_no_tensors_is_refused(name, tmp_path):
    content = archive(dictionary({"weight": OPERATIONS[name]}), {"0": NUMBERS})
    refusal(written(tmp_path, content))


VIEWS = {
    "past the end": tensor(STORED, (7,), (1,)),
    "from behind the end": tensor(STORED, (2,), (1,), offset=5),
    "by its strides": tensor(STORED, (2, 3), (4, 1)),
    "with a negative stride": tensor(STORED, (2,), (-1,), offset=3),
    "from before the start": tensor(STORED, (2,), (1,), offset=-1),
    "as one number over and over": tensor(STORED, (2**30, 2**30), (0, 0)),
    "with a stride too few": tensor(STORED, (2, 3), (1,)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_tensor_that_leaves_its_storage_is_named(name, tmp_path):
    content = archive(dictionary({"the.weight": VIEWS[name]}), {"0": NUMBERS})
    assert "'the.weight'" in refusal(written(tmp_path, content))


STATES = {
    "a number": {"steps": torch_file.integer(3)},
    "a dictionary": {"state_dict": b"}"},
    "a storage": {"weight": STORED},
    "nothing": {},
}


@pytest.mark.parametrize("name", STATES)
def test_what_holds_more_than_tensors_is_refused(name, tmp_path):
    content = archive(dictionary(STATES[name]), {"0": NUMBERS})
    assert "state dictionary" in refusal(written(tmp_path, content))


def test_a_storage_that_is_missing_or_of_another_size_is_named(tmp_path):
    state = dictionary({"weight": tensor(STORED, (6,), (1,))})
    assert "storage 0" in refusal(written(tmp_path, archive(state, {})))
    short = archive(state, {"0": NUMBERS[:-1]})
    assert "24 bytes, and has 23" in refusal(written(tmp_path, short))


def test_one_storage_cannot_have_two_sizes(tmp_path):
    other = tensor(storage("0", 3), (3,), (1,))
    state = dictionary({"a": tensor(STORED, (6,), (1,)), "b": other})
    assert "two sizes" in refusal(written(tmp_path, archive(state, {"0": NUMBERS})))


def test_a_name_given_twice_is_refused(tmp_path):
    one = text("weight") + tensor(STORED, (6,), (1,))
    state = b"\x80\x02}(" + one + one + b"u."
    content = archive(state, {"0": NUMBERS})
    assert "'weight' twice" in refusal(written(tmp_path, content))


def test_a_key_of_nested_tuples_cannot_exhaust_the_stack(tmp_path):
    # Hashing it would end the process.
    key = b")" + b"\x85" * 300_000
    content = archive(b"\x80\x02}" + key + b"Ns.", {})
    assert "not strings" in refusal(written(tmp_path, content))


def test_an_enormous_memo_place_costs_nothing(tmp_path):
    content = archive(b"\x80\x02Nr\xff\xff\xff\x7f.", {})
    assert "state dictionary" in refusal(written(tmp_path, content))


def test_a_compressed_archive_is_not_unpacked(tmp_path):
    state = dictionary({"weight": tensor(storage("0", 2**20), (2**20,), (1,))})
    zeros = bytes(4 * 2**20)
    content = archive(state, {"0": zeros}, zipfile.ZIP_DEFLATED)
    assert "compressed" in refusal(written(tmp_path, content))


def test_numbers_of_the_other_byte_order_are_refused(tmp_path):
    content = torch_file.archive_of(ARRAYS).replace(b"little", b"bigger")
    refusal(written(tmp_path, content))
    legacy = torch_file.legacy_of(ARRAYS, system={"little_endian": False})
    assert "little-endian" in refusal(written(tmp_path, legacy))


def test_bytes_behind_the_older_form_are_refused(tmp_path):
    content = torch_file.legacy_of(ARRAYS) + b"more"
    assert "4 bytes are left over" in refusal(written(tmp_path, content))


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", bytes(100)])
def test_other_files_are_refused(content, tmp_path):
    refusal(written(tmp_path, content))
