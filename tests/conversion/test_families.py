"""The registry of families, and how often a checkpoint's configuration is read."""

import sys
from pathlib import Path

import keras_hub
import pytest

from longkeras.conversion import convert_to_long, families, from_huggingface
from longkeras.conversion.family import ENDINGS, Family
from longkeras.models import (
    LongformerBackbone,
    LongformerTextClassifier,
    LongformerTokenizer,
)
from tests.conversion.small_checkpoint import LABELS, MLM, tensors_of, write_checkpoint
from tests.conversion.small_short_checkpoint import SIZES, short_tensors, write_short


@pytest.mark.parametrize("name", sorted(set(families._FAMILIES.values())))
def test_a_registered_family_describes_itself(name):
    family = families.resolve_name(name)
    assert isinstance(family, Family)
    assert family.heads[0].task == "backbone"
    for head in family.heads:
        assert head.task in ENDINGS
        tensors = {mapping.tensor for mapping in (*head.weights, *head.pretrained)}
        assert all(
            tensor in family.names.heads or tensor.startswith(family.names.optional)
            for tensor in tensors
        )
        assert head.classes is None or head.classes in tensors
        assert family.head_for(head.task) is family.head_for(head.model) is head


def test_a_family_of_kerashub_that_derives_from_another_is_not_taken_for_it():
    family = families.resolve_name(families._FAMILIES["roberta"])
    assert issubclass(keras_hub.models.XLMRobertaBackbone, family.backbone)
    assert family.head_for(keras_hub.models.XLMRobertaBackbone) is None


@pytest.mark.parametrize("model_type", families._MADE_LONG)
def test_a_family_made_long_has_the_tasks_of_the_long_one(model_type):
    longer = families.resolve_name(families._MADE_LONG[model_type])
    long = families.resolve_name(families._FAMILIES["longformer"])
    kinds = [(head.task, head.model) for head in long.heads]
    assert [(head.task, head.model) for head in longer.heads] == kinds


@pytest.fixture
def reads():
    """The paths of every `config.json` that is opened."""
    found = []

    def note(event, arguments):
        path = arguments[0] if event == "open" else None
        if isinstance(path, str | Path) and Path(path).name == "config.json":
            found.append(str(path))

    hooks.append(note)
    yield found
    hooks.remove(note)


# An audit hook cannot be removed: there is one, which calls those that are wanted.
hooks = []
sys.addaudithook(
    lambda event, arguments, hooks=hooks: [hook(event, arguments) for hook in hooks]
)


@pytest.fixture
def folders(tmp_path):
    short = write_short(tmp_path / "bert", short_tensors("bert"), "bert")
    long = write_checkpoint(tmp_path / "longformer", tensors_of(MLM), MLM)
    (long / "vocab.txt").write_bytes((short / "vocab.txt").read_bytes())
    return {"bert": short, "longformer": long}


LOADS = {
    "from_huggingface": lambda folder: from_huggingface(folder, dropout=0.1),
    "backbone": LongformerBackbone.from_preset,
    "classifier": lambda folder: LongformerTextClassifier.from_preset(
        folder, num_classes=2
    ),
    "tokenizer": LongformerTokenizer.from_preset,
    "preprocessor": LongformerTextClassifier.preprocessor_cls.from_preset,
    "convert_to_long": lambda folder: convert_to_long(folder, **SIZES),
}


@pytest.mark.parametrize("family", ["bert", "longformer"])
@pytest.mark.parametrize("load", LOADS)
def test_a_configuration_is_read_once(load, family, folders, reads):
    folder = folders[family]
    if (load, family) == ("convert_to_long", "longformer"):
        with pytest.raises(ValueError, match="a Longformer already"):
            LOADS[load](folder)
    else:
        LOADS[load](folder)
    assert reads == [str(folder / "config.json")]


def test_the_class_names_of_a_bert_are_kept(tmp_path):
    tensors = short_tensors("bert", "text_classifier")
    folder = write_short(tmp_path, tensors, "bert", "text_classifier")
    model = from_huggingface(folder, dropout=0.1, preprocessor=None)
    assert model.class_names == list(LABELS.values())
