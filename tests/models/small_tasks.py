"""Small tasks of every family, on strings."""

import keras_hub

from longkeras import models
from tests.models.longformer.small_preprocessors import VOCABULARY, preprocessor
from tests.models.small_models import small_model

TEXTS = ["the dog", "a fox is it ?", "who is the longer dog", "中 文"]
LABELS = [0, 1, 1, 0]
SIZES = {
    "vocabulary_size": len(VOCABULARY),
    "num_layers": 1,
    "num_heads": 1,
    "hidden_dim": 4,
    "intermediate_dim": 4,
}


def longformer(name, backbone=None, length=16, **arguments):
    """A Longformer task of one layer, which runs eagerly.

    Args:
        name: str, such as `"TextClassifier"`.
        backbone: dict of further arguments of the backbone. Defaults to `None`.
        length: int. `sequence_length` of the preprocessor. Defaults to `16`.
        **arguments: further arguments of the task.

    Returns:
        The task.
    """
    options = {"attention_window": 2, "max_sequence_length": 64, "padding_id": 0}
    options = {**SIZES, **options, "num_segments": 2, **(backbone or {})}
    model = getattr(models, f"Longformer{name}")(
        models.LongformerBackbone(**options),
        preprocessor=preprocessor(name, sequence_length=length),
        **arguments,
    )
    model.run_eagerly = True
    return model


def bert(kind="TextClassifier", backbone=None, length=16, **arguments):
    """A BERT task of one layer, which runs eagerly; see `longformer`."""
    options = {**SIZES, "max_sequence_length": 32, **(backbone or {})}
    tokenizer = keras_hub.models.BertTokenizer(VOCABULARY, lowercase=True)
    make = getattr(keras_hub.models, f"Bert{kind}Preprocessor")
    model = getattr(models, f"ExactBert{kind}")(
        models.ExactBertBackbone(**options),
        preprocessor=make(tokenizer, sequence_length=length),
        **arguments,
    )
    model.run_eagerly = True
    return model


def language_model(kind="lstm", **options):
    """A causal language model of one layer, which runs eagerly."""
    model = small_model(kind, num_layers=1, sequence_length=8, **options)
    model.run_eagerly = True
    return model
