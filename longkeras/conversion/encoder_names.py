"""Tensors of BERT, RoBERTa and XLM-R under the names that Longformer gives them."""

from dataclasses import replace
from pathlib import Path

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.longformer_tensors import Tensors

POOLER = "pooler.dense"
HEAD_ACTIVATION = "lm_head.activation."
_PREFIXES = ("bert.", "roberta.")
_BERT_NAMES = {
    "cls.predictions.transform.dense.": "lm_head.dense.",
    "cls.predictions.transform.LayerNorm.": "lm_head.layer_norm.",
    "cls.predictions.transform.transform_act_fn.": HEAD_ACTIVATION,
    "cls.predictions.decoder.": "lm_head.decoder.",
    "cls.predictions.bias": "lm_head.bias",
}
# BERT's first files have the names of TensorFlow's layers.
_NORMS = {
    "LayerNorm.gamma": "LayerNorm.weight",
    "LayerNorm.beta": "LayerNorm.bias",
    "layer_norm.gamma": "layer_norm.weight",
    "layer_norm.beta": "layer_norm.bias",
}
# Whether a sentence follows another: no model here asks.
_NEXT_SENTENCE = "cls.seq_relationship."


def longformer_names(tensors: Tensors, folder: Path) -> Tensors:
    """The tensors by the names of a bare `LongformerModel` and its heads.

    BERT's guess whether one sentence follows another is left out.

    Args:
        tensors: dict of `NamedTensor` by name.
        folder: path, for messages.

    Returns:
        dict of `NamedTensor` by name.

    Raises:
        CheckpointError: If two tensors have one name then.
    """
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        if name.startswith(_NEXT_SENTENCE):
            continue
        new_name = _longformer_name(name)
        if new_name in renamed:
            raise CheckpointError(
                "The checkpoint holds a tensor twice, under two names. "
                f"Received: path={folder}, tensor={name}"
            )
        renamed[new_name] = tensor
    return renamed


def with_pooler_as_head(tensors: Tensors) -> Tensors:
    """BERT's classifier of texts with the names of RoBERTa's, of which it is one.

    Both are a dense layer and a tanh over the first token, and a dense layer: BERT
    calls the first of them its pooler.

    Args:
        tensors: dict of `NamedTensor` by name.

    Returns:
        dict of `NamedTensor` by name.
    """
    names = {POOLER: "classifier.dense", "classifier": "classifier.out_proj"}
    renamed = {
        f"{old}.{end}": f"{new}.{end}"
        for old, new in names.items()
        for end in ("weight", "bias")
    }
    return {renamed.get(name, name): tensor for name, tensor in tensors.items()}


def without_pooler(tensors: Tensors) -> Tensors:
    """Leaves the pooler out, which no head but that of BERT's classifier reads.

    Args:
        tensors: dict of `NamedTensor` by name.

    Returns:
        dict of `NamedTensor` by name.
    """
    return {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(f"{POOLER}.")
    }


def with_global_copies(tensors: Tensors) -> Tensors:
    """Adds the projections of global tokens: copies of those of all others.

    Args:
        tensors: dict of `NamedTensor` by name.

    Returns:
        dict of `NamedTensor` by name.
    """
    copies = {}
    for kind in ("query", "key", "value"):
        ending = f".attention.self.{kind}."
        copies |= {
            name.replace(ending, f".attention.self.{kind}_global."): tensor
            for name, tensor in tensors.items()
            if ending in name
        }
    copies = {name: replace(tensor, name=name) for name, tensor in copies.items()}
    return {**tensors, **copies}


def _longformer_name(name: str) -> str:
    prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), "")
    name = name.removeprefix(prefix)
    for theirs, ours in _BERT_NAMES.items():
        if name.startswith(theirs):
            name = ours + name.removeprefix(theirs)
    for theirs, ours in _NORMS.items():
        name = name.removesuffix(theirs) + ours if name.endswith(theirs) else name
    return name
