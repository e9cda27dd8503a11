"""A tiny Longformer checkpoint, its names and sizes written down here by hand."""

import json

import keras
import numpy as np
import pytest

from longkeras import CheckpointError
from longkeras.conversion import from_huggingface
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.tensor_files.tensor_folder import write_tensors

V, D, I, P, T, LAYERS, CLASSES = 30, 8, 12, 34, 2, 2, 3  # noqa: E741
CONFIG = {
    "model_type": "longformer",
    "attention_window": [4, 6],
    "hidden_act": "gelu",
    "hidden_size": D,
    "intermediate_size": I,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": P,
    "num_attention_heads": 2,
    "num_hidden_layers": LAYERS,
    "pad_token_id": 1,
    "sep_token_id": 5,
    "type_vocab_size": T,
    "vocab_size": V,
    "hidden_dropout_prob": 0.2,
    "attention_probs_dropout_prob": 0.05,
}
NORM = {"LayerNorm.weight": (D,), "LayerNorm.bias": (D,)}
MLM = "LongformerForMaskedLM"
LAYER = "encoder.layer.1.attention"
LABELS = {str(i): name for i, name in enumerate(("dull", "fair", "good"))}


def linear(name, outputs, inputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name):
    return {f"{name}.weight": (D,), f"{name}.bias": (D,)}


def layer(name):
    shapes = {}
    for part in ("query", "key", "value"):
        shapes.update(linear(f"{name}.attention.self.{part}", D, D))
        shapes.update(linear(f"{name}.attention.self.{part}_global", D, D))
    return {
        **shapes,
        **linear(f"{name}.attention.output.dense", D, D),
        **norm(f"{name}.attention.output.LayerNorm"),
        **linear(f"{name}.intermediate.dense", I, D),
        **linear(f"{name}.output.dense", D, I),
        **norm(f"{name}.output.LayerNorm"),
    }


BACKBONE = {
    "embeddings.word_embeddings.weight": (V, D),
    "embeddings.position_embeddings.weight": (P, D),
    "embeddings.token_type_embeddings.weight": (T, D),
    **norm("embeddings.LayerNorm"),
    **{
        name: x
        for i in range(LAYERS)
        for name, x in layer(f"encoder.layer.{i}").items()
    },
}
POOLER = linear("pooler.dense", D, D)
HEADS = {
    "LongformerModel": {},
    "LongformerForMaskedLM": {
        **linear("lm_head.dense", D, D),
        **norm("lm_head.layer_norm"),
        "lm_head.bias": (V,),
    },
    "LongformerForSequenceClassification": {
        **linear("classifier.dense", D, D),
        **linear("classifier.out_proj", CLASSES, D),
    },
    "LongformerForQuestionAnswering": linear("qa_outputs", 2, D),
    "LongformerForTokenClassification": linear("classifier", CLASSES, D),
}


def random_tensors(shapes, seed=0):
    random = np.random.default_rng(seed)
    return {
        name: random.normal(size=shape).astype("float32")
        for name, shape in shapes.items()
    }


def tensors_of(architecture="LongformerModel", prefix="longformer.", pooler=False):
    """Random tensors by name, as `transformers` saves them."""
    if architecture == "LongformerModel":
        prefix = ""
    backbone = {**BACKBONE, **(POOLER if pooler else {})}
    shapes = {f"{prefix}{name}": shape for name, shape in backbone.items()}
    return random_tensors({**shapes, **HEADS[architecture]})


def write_checkpoint(folder, tensors, architecture="LongformerModel", **changes):
    """Writes a checkpoint; a change of None takes a value out of the configuration."""
    config = {**CONFIG, "architectures": [architecture], **changes}
    if "Classification" in architecture:
        config.setdefault("id2label", LABELS)
    config = {name: value for name, value in config.items() if value is not None}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    named = [
        NamedTensor(name, x.dtype, x.shape, lambda x=x: x)
        for name, x in tensors.items()
    ]
    write_tensors(folder, named)
    return folder


def read(folder, tensors, architecture="LongformerModel", task=None, **changes):
    """Writes a checkpoint and reads it."""
    return from_huggingface(
        write_checkpoint(folder, tensors, architecture, **changes), task
    )


def faulty(folder, **arguments):
    """The message with which the folder, named in it, is refused."""
    with pytest.raises(CheckpointError) as caught:
        from_huggingface(folder, **arguments)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def values_of(tensor):
    return keras.ops.convert_to_numpy(tensor)
