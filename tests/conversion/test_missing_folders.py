"""Paths that lead to no model: every entry says what is there instead."""

import pytest

import longkeras
from longkeras import CheckpointError, models
from longkeras.conversion import convert_to_long, from_huggingface

ENTRIES = {
    "from_huggingface": from_huggingface,
    "convert_to_long": convert_to_long,
    "LongformerTextClassifier": models.LongformerTextClassifier.from_preset,
    "LongformerBackbone": models.LongformerBackbone.from_preset,
    "LongformerTokenizer": models.LongformerTokenizer.from_preset,
    "LongformerTextClassifierPreprocessor": (
        models.LongformerTextClassifierPreprocessor.from_preset
    ),
    "ExactBertBackbone": models.ExactBertBackbone.from_preset,
    "RecurrentCausalLM": models.RecurrentCausalLM.from_preset,
    "CausalTransformerBackbone": models.CausalTransformerBackbone.from_preset,
}


def places(folder):
    """What may be there instead of a model, and the words for it."""
    (folder / "empty").mkdir()
    (folder / "model.txt").write_text("")
    (folder / "bare").mkdir()
    (folder / "bare" / "vocab.txt").write_text("[PAD]")
    (folder / "sentences" / "0_Transformer").mkdir(parents=True)
    (folder / "sentences" / "0_Transformer" / "config.json").write_text("{}")
    return {
        folder / "nowhere": "there is no such folder",
        "all-MiniLM-L6-v2": "there is no such folder",
        folder / "empty": "this folder is empty",
        folder / "model.txt": "this is a file",
        folder / "bare": r"this folder holds no config\.json",
        folder / "sentences": "but its subfolder 0_Transformer does",
    }


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_no_models_folder_is_told_in_a_sentence(entry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path, words in places(tmp_path).items():
        with pytest.raises(CheckpointError, match=words) as error:
            ENTRIES[entry](path)
        message = str(error.value)
        assert str(path) in message
        assert "config.json" in message
        assert "aggle" not in message


def test_load_model_says_so_too(tmp_path):
    for path, words in places(tmp_path).items():
        with pytest.raises(CheckpointError) as error:
            longkeras.load_model(path)
        assert str(path) in str(error.value), words


@pytest.mark.parametrize("entry", [from_huggingface, models.LongformerTokenizer])
def test_a_model_of_another_kind_is_named(entry, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "mpnet"}')
    load = getattr(entry, "from_preset", entry)
    if entry is models.LongformerTokenizer:
        (tmp_path / "vocab.txt").write_text("")
        load = models.LongformerBackbone.from_preset
    with pytest.raises(CheckpointError, match="model_type='mpnet'"):
        load(tmp_path)
