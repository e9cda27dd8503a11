"""Small BERTs, RoBERTas and XLM-Rs of KerasHub, with weights that make a difference."""

import keras_hub
import numpy as np

from tests.models.longformer.small_longformer import draw_weights, outputs_of

SHORT = 24
VOCABULARY_SIZE = 40
BACKBONES = {
    "roberta": keras_hub.models.RobertaBackbone,
    "bert": keras_hub.models.BertBackbone,
    "xlm-roberta": keras_hub.models.XLMRobertaBackbone,
}
MASKED_LMS = {
    "roberta": keras_hub.models.RobertaMaskedLM,
    "bert": keras_hub.models.BertMaskedLM,
    "xlm-roberta": keras_hub.models.XLMRobertaMaskedLM,
}
TEXT_CLASSIFIERS = {
    "roberta": keras_hub.models.RobertaTextClassifier,
    "bert": keras_hub.models.BertTextClassifier,
    "xlm-roberta": keras_hub.models.XLMRobertaTextClassifier,
}


def small_encoder(family, **options):
    """A backbone of two layers with random weights, drawn wide.

    Args:
        family: str, a key of `BACKBONES`.
        **options: further arguments of the backbone.

    Returns:
        A KerasHub backbone.
    """
    sizes = {
        "vocabulary_size": VOCABULARY_SIZE,
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 8,
        "intermediate_dim": 12,
        "max_sequence_length": SHORT,
    }
    backbone = BACKBONES[family](**{**sizes, **options})
    draw_weights(backbone)
    return backbone


def short_inputs(family, length=17, seed=0):
    """Two texts, one with padding behind it, and what else the backbone reads.

    Args:
        family: str, a key of `BACKBONES`.
        length: int. Defaults to `17`.
        seed: int. Defaults to `0`.

    Returns:
        dict of int arrays `(2, length)`.
    """
    rng = np.random.default_rng(seed)
    token_ids = rng.integers(3, VOCABULARY_SIZE, size=(2, length)).astype("int32")
    padding_mask = np.ones((2, length), "int32")
    padding_mask[1, length - 5 :] = 0
    token_ids[padding_mask == 0] = 0 if family == "bert" else 1
    inputs = {"token_ids": token_ids, "padding_mask": padding_mask}
    if family == "bert":
        segment_ids = np.zeros((2, length), "int32")
        segment_ids[:, 8:] = 1
        inputs["segment_ids"] = segment_ids
    return inputs


def with_masks(inputs):
    """The same with three places to predict in each text."""
    mask_positions = np.array([[1, 5, 16], [0, 3, 9]], "int32")
    return {**inputs, "mask_positions": mask_positions}


def hidden_states_of(model, inputs):
    """What a backbone says of the tokens that are no padding.

    Args:
        model: A backbone of KerasHub's or ours.
        inputs: dict of arrays.

    Returns:
        Array `(tokens, hidden_dim)`.
    """
    outputs = outputs_of(model, inputs)
    if isinstance(outputs, dict):
        outputs = outputs["sequence_output"]
    return outputs[inputs["padding_mask"] == 1]
