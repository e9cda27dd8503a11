"""Longformer that classifies tokens."""

import keras
import keras_hub

from longkeras.models.longformer.task import LongformerPreprocessor, LongformerTask
from longkeras.models.text_tasks.token_classifier import (
    TokenClassifier,
    TokenClassifierPreprocessor,
)


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerTokenClassifierPreprocessor(
    LongformerPreprocessor, TokenClassifierPreprocessor
):
    """Tokenizes words or texts, pads them, and gives tokens the labels of their words.

    The label of a word goes to its first token; its other tokens have the weight 0. In
    a text every token has a label: that of the span of characters in which it begins,
    or `outside_label`. No token is global. Longer texts are cut, with a warning;
    `report` counts the tokens that are dropped, and `windows` splits a text of any
    length.

    Args:
        tokenizer: `longkeras.models.LongformerTokenizer`.
        sequence_length: int. The length to pad and cut to. Defaults to `None`, that of
            the batch; set it to `predict` several batches, whose outputs must have one
            length.
        max_sequence_length: int. Where texts are cut otherwise. Defaults to `4096`.
        outside_label: int. The label of tokens outside of spans. Defaults to `0`.
        **kwargs: See `keras_hub.models.Preprocessor`.

    Call arguments:
        x: words: a list of lists of strings, a ragged tensor, or a dict of `words`,
            which may be those of one text; or texts: a string, a list or tensor of
            strings, or a dict of `text`; or ids, as of
            `LongformerTextClassifierPreprocessor`. Words are joined by spaces.
        y: a label for each word; for texts a list of spans `(start, end, label)` in
            characters for each; for ids a label for each. Defaults to `None`.
        sample_weight: float `(batch,)`, the weights of whole texts. Defaults to `None`.

    Returns:
        The dict of `LongformerTextClassifierPreprocessor`; with labels a tuple of it,
        int32 labels `(batch, sequence)` and float32 weights `(batch, sequence)`.

    Raises:
        ValueError: If a length is invalid, or labels do not fit the words or texts.

    Example:

    ```python
    from longkeras.models import LongformerTokenClassifierPreprocessor
    from longkeras.models import LongformerTokenizer

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "long", "##er", "text"]
    preprocessor = LongformerTokenClassifierPreprocessor(
        LongformerTokenizer.from_word_piece(vocabulary), sequence_length=6
    )
    x, y, sample_weight = preprocessor([["Longer", "text"]], [[2, 1]])
    assert x["token_ids"].tolist() == [[2, 5, 6, 7, 3, 0]]
    assert y.tolist() == [[0, 2, 0, 1, 0, 0]]
    assert sample_weight.tolist() == [[0, 1, 0, 1, 0, 0]]
    ```
    """


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerTokenClassifier(TokenClassifier, LongformerTask, keras_hub.models.Task):
    """Classifies every token of long texts, to find names or sections.

    Without a `global_attention_mask` no token is global. The head is that of Hugging
    Face's `LongformerForTokenClassification`.

    Args:
        backbone: `longkeras.models.LongformerBackbone`.
        num_classes: int. Number of classes.
        preprocessor: `longkeras.models.LongformerTokenClassifierPreprocessor`, or
            None if inputs are given as ids. Defaults to `None`.
        dropout: float. Rate before the head. Defaults to `0.1`.
        class_names: list of str, one per class, or None. Labels may then be names.
            Defaults to `None`.
        **kwargs: See `keras_hub.models.Task`.

    Call arguments:
        inputs: those of `LongformerBackbone`.

    Returns:
        Logits `(batch, sequence, num_classes)`.

    Raises:
        ValueError: If there is not one name per class, or the backbone or preprocessor
            is of another family.

    Example:

    ```python
    import numpy as np
    from longkeras.models import LongformerBackbone, LongformerTokenClassifier

    backbone = LongformerBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, attention_window=8, max_sequence_length=64,
    )
    tagger = LongformerTokenClassifier(backbone, num_classes=3)
    logits = tagger({"token_ids": np.full((2, 40), 7)})
    assert tuple(logits.shape) == (2, 40, 3)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """

    preprocessor_cls = LongformerTokenClassifierPreprocessor
