"""Checkpoints of the Hub, from one on this machine."""

import os
import subprocess
import sys

import numpy as np
import pytest
from huggingface_hub import constants

from longkeras import CheckpointError
from longkeras.conversion import from_huggingface
from longkeras.conversion.checkpoint_folder import local_folder, read_config
from longkeras.models import LongformerBackbone
from tests.conversion.small_checkpoint import tensors_of, write_checkpoint
from tests.conversion.small_hub import COMMIT, NAME, small_hub, used_hub

HANDLE = f"hf://{NAME}"


@pytest.fixture
def remote(tmp_path):
    folder = write_checkpoint(tmp_path / "remote", tensors_of())
    (folder / "vocab.txt").write_text("[PAD]\n")
    (folder / "README.md").write_text("not wanted")
    (folder / "model.fp16.safetensors").write_text("not wanted")
    (folder / "pytorch_model.bin").write_text("not wanted")
    return folder


@pytest.fixture
def hub(remote, tmp_path, monkeypatch):
    with used_hub(remote, tmp_path / "cache", monkeypatch) as hub:
        yield hub


def test_only_what_is_read_is_downloaded(hub):
    folder = local_folder(HANDLE)
    wanted = ["config.json", "model.safetensors", "vocab.txt"]
    assert sorted(path.name for path in folder.iterdir()) == wanted
    assert sorted(hub.downloaded) == wanted


def test_a_second_time_nothing_is_downloaded(hub):
    folder = local_folder(HANDLE)
    hub.downloaded.clear()
    assert local_folder(f"{HANDLE}@{COMMIT}") == folder
    assert hub.downloaded == []


def test_without_safetensors_the_other_file_is_taken(hub, remote):
    (remote / "model.safetensors").unlink()
    folder = local_folder(HANDLE)
    assert "pytorch_model.bin" in [path.name for path in folder.iterdir()]


def test_a_configuration_is_downloaded_alone(hub):
    assert read_config(HANDLE)["model_type"] == "longformer"
    assert hub.downloaded == ["config.json"]
    local_folder(HANDLE, with_weights=False)
    assert sorted(hub.downloaded) == ["config.json", "vocab.txt"]


def test_a_model_of_the_hub_is_that_of_its_folder(hub, remote):
    (remote / "vocab.txt").unlink()
    expected = from_huggingface(remote).get_weights()
    for model in (
        from_huggingface(HANDLE),
        LongformerBackbone.from_preset(f"{HANDLE}@main"),
    ):
        for one, other in zip(model.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("handle", "why"),
    [
        ("hf://somebody/else", "no such model or revision"),
        (f"{HANDLE}@nowhere", "no such model or revision"),
        ("hf://a/b/c", "hf://user/name@revision"),
        ("hf://", "hf://user/name@revision"),
    ],
)
def test_a_name_that_is_wrong_is_told(handle, why, hub):
    with pytest.raises(CheckpointError, match=why) as caught:
        local_folder(handle)
    assert handle in str(caught.value)


def test_without_a_network_the_cache_serves(hub, monkeypatch):
    folder = local_folder(HANDLE)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert local_folder(HANDLE) == folder


def test_without_network_and_cache_it_says_what_to_do(hub, monkeypatch):
    hub.shutdown()
    hub.server_close()
    with pytest.raises(CheckpointError, match="cannot be reached") as caught:
        local_folder(HANDLE)
    message = str(caught.value)
    assert HANDLE in message
    assert "HF_ENDPOINT" in message
    assert "path" in message


@pytest.mark.multiprocess
def test_the_mirror_of_the_environment_is_used(remote, tmp_path):
    code = (
        "from longkeras.conversion.checkpoint_folder import local_folder\n"
        f"print(local_folder({HANDLE!r}, with_weights=False))"
    )
    with small_hub(remote) as hub:
        environment = {
            **os.environ,
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(tmp_path / "home"),
            "NO_PROXY": "127.0.0.1",
        }
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.strip().startswith(str(tmp_path / "home"))
    assert sorted(hub.downloaded) == ["config.json", "vocab.txt"]
