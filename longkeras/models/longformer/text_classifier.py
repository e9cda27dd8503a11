"""Longformer that classifies texts."""

import keras
import keras_hub
import numpy as np

from longkeras.models.longformer.global_tokens import first_token
from longkeras.models.longformer.task import LongformerPreprocessor, LongformerTask
from longkeras.models.text_tasks.text_classifier import (
    TextClassifier,
    TextClassifierPreprocessor,
)


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerTextClassifierPreprocessor(
    LongformerPreprocessor, TextClassifierPreprocessor
):
    """Tokenizes texts or pairs of texts, adds special tokens, and pads.

    The first token is global. Longer texts are cut, with a warning; `report` counts the
    tokens that are dropped, and `windows` splits a text of any length.

    Args:
        tokenizer: `longkeras.models.LongformerTokenizer`.
        sequence_length: int. The length to pad and cut to. Defaults to `None`: the
            longest of the batch, rounded up to a multiple of 64.
        truncate: str. How a pair is cut: `"round_robin"` cuts the longer text first,
            `"waterfall"` the second. Defaults to `"round_robin"`.
        max_sequence_length: int. Where texts are cut if `sequence_length` is None, the
            length of the model's position table. Defaults to `4096`.
        **kwargs: See `keras_hub.models.TextClassifierPreprocessor`.

    Call arguments:
        x: a string, a list or tensor of strings, or pairs: a dict of `first` and
            `second`, a list of pairs, or with `y` given a tuple of both. Or ids with
            their special tokens: a dict of `token_ids` and optionally `padding_mask`,
            `global_attention_mask` (instead of the first token) and `segment_ids`.
        y: labels, passed on. Defaults to `None`.
        sample_weight: passed on. Defaults to `None`.

    Returns:
        A dict of int32 `token_ids`, `padding_mask`, `global_attention_mask` and
        `segment_ids`, `(batch, sequence)` or for one text `(sequence,)`; with labels a
        tuple.

    Raises:
        ValueError: If `sequence_length` or `truncate` is invalid.

    Example:

    ```python
    from longkeras.models import LongformerTextClassifierPreprocessor
    from longkeras.models import LongformerTokenizer

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "long", "##er", "text"]
    preprocessor = LongformerTextClassifierPreprocessor(
        LongformerTokenizer.from_word_piece(vocabulary), sequence_length=6
    )
    x, y = preprocessor(["Longer text", "text"], [1, 0])
    assert x["token_ids"].tolist() == [[2, 5, 6, 7, 3, 0], [2, 7, 3, 0, 0, 0]]
    assert x["global_attention_mask"][0].tolist() == [1, 0, 0, 0, 0, 0]
    ```
    """

    def global_tokens(self, token_ids):
        """The first token; see `TextPreprocessor`."""
        return first_token(token_ids, np)


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerTextClassifier(
    TextClassifier, LongformerTask, keras_hub.models.TextClassifier
):
    """Classifies long texts by their first token, which sees the whole text.

    Without a `global_attention_mask` the first token is global, as in Hugging Face's
    `LongformerForSequenceClassification`, whose head this is. With `pooling="mean"` the
    head reads the mean of the hidden states instead; the first token remains global.

    Args:
        backbone: `longkeras.models.LongformerBackbone`.
        num_classes: int. Number of classes.
        preprocessor: `longkeras.models.LongformerTextClassifierPreprocessor`, or None
            if inputs are given as ids. Defaults to `None`.
        activation: Activation of the outputs. With `"sigmoid"`, a text may belong to
            any number of classes: `compile` then defaults to binary cross-entropy, and
            targets are one column a class, or lists of `class_names`. Defaults to
            `None`, logits.
        dropout: float. Rate before each layer of the head. Defaults to `0.1`.
        class_names: list of str, one per class, or None. Labels may then be names.
            Defaults to `None`.
        pooling: str. `"first"` reads the hidden state of the first token, `"mean"` the
            mean over all tokens that are not padding. Defaults to `"first"`.
        **kwargs: See `keras_hub.models.TextClassifier`.

    Call arguments:
        inputs: those of `LongformerBackbone`.

    Returns:
        `(batch, num_classes)`: logits, or the outputs of `activation`.

    Raises:
        ValueError: If there is not one name per class, `pooling` is unknown, or the
            backbone or preprocessor is of another family.

    Example:

    ```python
    import numpy as np
    from longkeras.models import LongformerBackbone, LongformerTextClassifier

    backbone = LongformerBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, attention_window=8, max_sequence_length=64,
    )
    classifier = LongformerTextClassifier(backbone, num_classes=3)
    logits = classifier({"token_ids": np.full((2, 40), 7)})
    assert tuple(logits.shape) == (2, 3)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """

    preprocessor_cls = LongformerTextClassifierPreprocessor

    def global_tokens_of(self, inputs):
        """Return the first token of each text."""
        return first_token(inputs["token_ids"])
