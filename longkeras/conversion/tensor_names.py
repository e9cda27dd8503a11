"""The tensors of an encoder's checkpoint under one set of names.

The names are those of a bare `LongformerModel` and of its heads. BERT, RoBERTa, XLM-R
and Longformer differ in prefixes, in BERT's names of its masked language model, and in
what older programs left in the file.
"""

from pathlib import Path

import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.conversion.tensor_files.named_tensor import NamedTensor

Tensors = dict[str, NamedTensor]

HEAD_ACTIVATION = "lm_head.activation."
# Of wrappers (`DataParallel`, `torch.compile`, a training module that holds the model
# as `model`), then of the class that holds the encoder. They may be nested.
_PREFIXES = (
    "module.",
    "_orig_mod.",
    "model.",
    "bert.",
    "roberta.",
    "longformer.",
)
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
# BERT's classifier of sentence pairs, which no model here has.
_NEXT_SENTENCE = "cls.seq_relationship."
# State that is not learnt, by the ends of its names. `transformers` computes it anew.
_BUFFERS = (
    "position_ids",
    "token_type_ids",
    "attn.bias",
    "attn.masked_bias",
    "rotary_emb.inv_freq",
    "num_batches_tracked",
)


def canonical_tensors(tensors: Tensors, folder: Path) -> Tensors:
    """Rename the tensors of a file, without buffers and what no model here reads.

    Args:
        tensors: dict of `NamedTensor` by name, as the files have them.
        folder: path, for messages.

    Returns:
        dict of `NamedTensor` by name.

    Raises:
        CheckpointError: If two tensors have one name then, or if a buffer holds
            positions or segments other than the usual ones.
    """
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        new_name = _canonical_name(name)
        if new_name.startswith(_NEXT_SENTENCE):
            continue
        if _is_buffer(new_name):
            _check_buffer(tensor)
            continue
        if new_name in renamed:
            raise CheckpointError(
                "The checkpoint holds a tensor twice, under two names. Received: "
                f"path={folder}, tensors={renamed[new_name].name} and {tensor.name}"
            )
        renamed[new_name] = tensor
    return renamed


def _canonical_name(name: str) -> str:
    while prefix := next((x for x in _PREFIXES if name.startswith(x)), ""):
        name = name.removeprefix(prefix)
    for theirs, ours in _BERT_NAMES.items():
        if name.startswith(theirs):
            name = ours + name.removeprefix(theirs)
    for theirs, ours in _NORMS.items():
        name = name.removesuffix(theirs) + ours if name.endswith(theirs) else name
    return name


def _is_buffer(name: str) -> bool:
    return any(name == buffer or name.endswith(f".{buffer}") for buffer in _BUFFERS)


def _check_buffer(tensor: NamedTensor) -> None:
    """Refuse positions that are not 0, 1, 2 ..., and segments that are not 0."""
    is_positions = tensor.name.endswith("position_ids")
    if not is_positions and not tensor.name.endswith("token_type_ids"):
        return
    values = tensor.read().ravel()
    usual = np.arange(values.size) if is_positions else np.zeros(values.size)
    if not np.array_equal(values, usual):
        rule = "0, 1, 2 ..." if is_positions else "zeros"
        raise CheckpointError(
            f"The checkpoint stores `{tensor.name}`, which must be {rule}: no other "
            f"values are supported. Received: path={tensor.path}"
        )
