"""Safetensors files, whole and damaged, and folders of them."""

import json

import ml_dtypes
import numpy as np
import pytest

from longkeras import CheckpointError
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.tensor_files.safetensors_reader import (
    DTYPES,
    MAX_HEADER_BYTES,
    read_safetensors,
)
from longkeras.conversion.tensor_files.tensor_folder import (
    read_tensors,
    write_tensors,
)


def named(name, array):
    return NamedTensor(name, array.dtype, array.shape, lambda: array)


def arrays():
    random = np.random.default_rng(0)
    made = {
        name: random.integers(0, 2, (3, 5)).astype(dtype)
        for name, dtype in DTYPES.items()
    }
    made["empty"] = np.zeros((0, 7), "float32")
    made["scalar"] = np.array(2.5, "float32")
    made["transposed"] = random.normal(size=(3, 4)).astype("float32").T
    return made


def with_header(path, header, data=bytes(24)):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(dtype="F32", shape=(2, 3), offsets=(0, 24)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def refusal(path):
    with pytest.raises(CheckpointError) as caught:
        read_safetensors(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_tensors_of_every_type_come_back(tmp_path):
    given = arrays()
    names = write_tensors(tmp_path, [named(name, x) for name, x in given.items()])
    assert names == ["model.safetensors"]
    found = read_tensors(tmp_path)
    assert set(found) == set(given)
    for name, array in given.items():
        assert found[name].shape == array.shape
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name].read(), array)


def test_what_is_read_is_the_file_itself(tmp_path):
    write_tensors(tmp_path, [named("x", np.ones((2, 3), "float32"))])
    values = read_tensors(tmp_path)["x"].read()
    assert not values.flags.owndata
    assert not values.flags.writeable


def test_half_precision_is_read_as_numbers(tmp_path):
    given = np.array([1.5, -2.0, 1e30], ml_dtypes.bfloat16)
    write_tensors(tmp_path, [named("x", given)])
    values = read_tensors(tmp_path)["x"].read().astype("float32")
    np.testing.assert_allclose(values, [1.5, -2.0, 1e30], rtol=1e-2)


def test_a_header_of_odd_length_is_read(tmp_path):
    # So that the numbers do not lie on their bounds.
    path = with_header(tmp_path / "x", json.dumps({"x": entry()}).encode() + b" ")
    assert read_safetensors(path)["x"].read().shape == (2, 3)


def test_a_large_checkpoint_becomes_several_files(tmp_path):
    given = {f"x{i}": np.full((5,), i, "float32") for i in range(5)}
    tensors = [named(name, array) for name, array in given.items()]
    names = write_tensors(tmp_path, tensors, max_shard_bytes=45)
    assert names == [
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors",
        "model.safetensors.index.json",
    ]
    index = json.loads((tmp_path / names[-1]).read_text())
    assert index["metadata"] == {"total_size": 100}
    found = read_tensors(tmp_path)
    for name, array in given.items():
        np.testing.assert_array_equal(found[name].read(), array)


def test_a_file_cut_short_at_any_length_is_refused(tmp_path):
    write_tensors(tmp_path, [named(name, x) for name, x in arrays().items()])
    path = tmp_path / "model.safetensors"
    content = path.read_bytes()
    for length in [*range(0, len(content), 11), len(content) - 1]:
        path.write_bytes(content[:length])
        refusal(path)
    path.write_bytes(content + b"x")
    assert "longer than it should be" in refusal(path)


def test_a_damaged_header_gives_one_kind_of_error_or_none(tmp_path):
    path = with_header(tmp_path / "x", {"a": entry(), "b": entry(offsets=(24, 48))})
    content = path.read_bytes() + bytes(24)
    for place in range(len(content) - 48):
        for bit in (0, 5):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            try:
                read_safetensors(path)
            except CheckpointError as error:
                assert str(path) in str(error)


ENTRIES = {
    "overlapping": entry(offsets=(12, 36)),
    "behind a gap": entry(offsets=(28, 52)),
    "too short": entry(offsets=(24, 44)),
    "backwards": entry(offsets=(48, 24)),
    "negative": entry(offsets=(-24, 0)),
    "of no known type": entry(dtype="F8_E4M3"),
    "of a type that is a list": entry(dtype=["F32"]),
    "of a shape that is no number": entry(shape=(2, "3")),
    "of a shape that is true": entry(shape=(True, 6)),
    "of a negative shape": entry(shape=(-2, -3)),
    "of an enormous shape": entry(shape=(2**62, 2**62)),
    "of too many dimensions": entry(shape=(1,) * 4000 + (6,)),
    "of half a number": entry(offsets=(24.0, 48.0)),
    "with three offsets": entry(offsets=(24, 48, 72)),
    "with a word more": {**entry(offsets=(24, 48)), "more": 1},
    "no entry": 3,
}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_tensor_that_cannot_be_is_named(name, tmp_path):
    header = {"first": entry(), "the.tensor": ENTRIES[name]}
    path = with_header(tmp_path / "x", header, bytes(48))
    assert "the.tensor" in refusal(path)


HEADERS = {
    "a name twice": b'{"x": 1, "x": 2}',
    "a list": b"[1, 2]",
    "no JSON": b"{x}",
    "NaN": b'{"x": NaN}',
    "infinity": b'{"x": {"shape": [Infinity]}}',
    "no UTF-8": b'{"\xff": 1}',
    "a deep nest": b"[" * 100_000,
    "a number of a million digits": b'{"x": ' + b"9" * 1_000_000 + b"}",
    "nothing": b"",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_not_one_is_refused(name, tmp_path):
    refusal(with_header(tmp_path / "x", HEADERS[name]))


@pytest.mark.parametrize("length", [MAX_HEADER_BYTES + 1, 2**63, 2**64 - 1, 25])
def test_an_absurd_header_length_is_refused(length, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(length.to_bytes(8, "little") + bytes(24))
    assert "cut short" in refusal(path)


def test_a_missing_file_is_named(tmp_path):
    refusal(tmp_path / "missing.safetensors")
    with pytest.raises(
        CheckpointError, match=r"model\.safetensors.*pytorch_model\.bin"
    ):
        read_tensors(tmp_path)


@pytest.fixture
def shards(tmp_path):
    tensors = [named(f"x{i}", np.full((5,), i, "float32")) for i in range(3)]
    write_tensors(tmp_path, tensors, max_shard_bytes=20)
    return tmp_path


def change_index(folder, change):
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))


INDEXES = {
    "a tensor that no file holds": lambda index: index["weight_map"].update(
        x9="model-00001-of-00003.safetensors"
    ),
    "a tensor in another file": lambda index: index["weight_map"].update(
        x0="model-00003-of-00003.safetensors"
    ),
    "a file that is missing": lambda index: index["weight_map"].update(x9="x9.bin"),
    "a file elsewhere": lambda index: index["weight_map"].update(x9="../x9.bin"),
    "a file at the root": lambda index: index["weight_map"].update(x9="/etc/passwd"),
    "a file that is a number": lambda index: index["weight_map"].update(x9=3),
    "no map": lambda index: index.pop("weight_map"),
    "a list for a map": lambda index: index.update(weight_map=["x0"]),
}


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_that_is_not_true_is_refused(name, shards):
    change_index(shards, INDEXES[name])
    with pytest.raises(CheckpointError, match=str(shards)):
        read_tensors(shards)


def test_a_missing_shard_is_named(shards):
    (shards / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(CheckpointError, match="model-00002-of-00003"):
        read_tensors(shards)
