"""One good file and one good folder, which every test spoils in its own way."""

import shutil

import pytest

from tests.safe_files.saved_files import plain_model


@pytest.fixture(scope="session")
def good_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "model.keras"
    plain_model().save(path)
    return path


@pytest.fixture(scope="session")
def good_model():
    from longkeras import models

    return models.RecurrentCausalLM(
        models.RecurrentBackbone(vocabulary_size=259, num_layers=1, hidden_dim=8),
        models.RecurrentCausalLMPreprocessor(
            models.ByteTokenizer(), sequence_length=16
        ),
    )


@pytest.fixture(scope="session")
def good_folder(good_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "preset"
    good_model.save_to_preset(path)
    return path


@pytest.fixture
def folder(good_folder, tmp_path):
    return shutil.copytree(good_folder, tmp_path / "preset")
