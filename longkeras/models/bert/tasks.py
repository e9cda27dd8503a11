"""BERT's heads on `ExactBertBackbone`."""

import keras
import keras_hub

from longkeras.models.bert.backbone import ExactBertBackbone, bert_initializer
from longkeras.models.text_tasks.heads import head_dense, head_dtype_policy
from longkeras.models.text_tasks.masked_lm import MaskedLM
from longkeras.models.text_tasks.text_classifier import TextClassifier


class PastBertConstructor:
    """Skips the constructors of KerasHub's tasks, which make heads of their own.

    Mixin. Must directly precede one of KerasHub's BERT tasks in the bases.
    """

    def __init__(self, *args, **kwargs):
        is_masked_lm = isinstance(self, keras_hub.models.BertMaskedLM)
        skipped = (
            keras_hub.models.BertMaskedLM
            if is_masked_lm
            else keras_hub.models.BertTextClassifier
        )
        super(skipped, self).__init__(*args, **kwargs)


@keras.saving.register_keras_serializable(package="longkeras")
class ExactBertMaskedLM(
    MaskedLM,
    PastBertConstructor,
    keras_hub.models.BertMaskedLM,
):
    """KerasHub's BERT that fills in masks, with the head of its checkpoint.

    The head has the activation and epsilon of the backbone, like Hugging Face's
    `BertForMaskedLM` and unlike KerasHub's head.

    Args:
        backbone: `longkeras.models.ExactBertBackbone`.
        preprocessor: `keras_hub.models.BertMaskedLMPreprocessor`, or None if inputs
            are given as ids. Defaults to `None`.
        **kwargs: See `keras_hub.models.MaskedLM`.

    Call arguments:
        inputs: those of the backbone, and `mask_positions`, int `(batch, masks)`.

    Returns:
        Logits `(batch, masks, vocabulary_size)`.

    Example:

    ```python
    import numpy as np
    from longkeras.models import ExactBertBackbone, ExactBertMaskedLM

    backbone = ExactBertBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, max_sequence_length=64,
    )
    inputs = {
        "token_ids": np.full((1, 40), 7), "mask_positions": np.array([[1, 5, 9]])
    }
    assert ExactBertMaskedLM(backbone)(inputs).shape == (1, 3, 100)
    ```

    Reference:
        [BERT](https://arxiv.org/abs/1810.04805)
    """

    backbone_cls = ExactBertBackbone
    head_initializer = staticmethod(bert_initializer)

    def __init__(self, backbone, preprocessor=None, **kwargs):
        activation = getattr(backbone, "activation", None)
        super().__init__(backbone, preprocessor, activation, **kwargs)

    def unread_weights(self):
        """Return the weights of the pooler."""
        return list(self.backbone.pooled_dense.weights)

    def get_config(self):
        # The head's arguments are those of the backbone.
        config = super().get_config()
        return {name: x for name, x in config.items() if not name.startswith("head_")}


@keras.saving.register_keras_serializable(package="longkeras")
class ExactBertTextClassifier(
    TextClassifier,
    PastBertConstructor,
    keras_hub.models.BertTextClassifier,
):
    """KerasHub's BERT that classifies texts.

    The network is that of `keras_hub.models.BertTextClassifier`, on
    `longkeras.models.ExactBertBackbone`. With `activation="sigmoid"`, a text may
    belong to any number of classes.

    Args:
        backbone: `longkeras.models.ExactBertBackbone`.
        num_classes: int. Number of classes.
        preprocessor: `keras_hub.models.BertTextClassifierPreprocessor`, or None if
            inputs are given as ids. Defaults to `None`.
        activation: Activation of the outputs. Defaults to `None`, logits.
        dropout: float. Rate before the head. Defaults to `0.1`.
        class_names: list of str, one per class, or None. Defaults to `None`.
        pooling: str. `"first"` reads the pooler, a dense layer and a tanh over the
            first token; `"mean"` reads the mean of the hidden states of all tokens
            that are not padding, and not the pooler. Defaults to `"first"`.
        **kwargs: See `keras_hub.models.TextClassifier`.

    Call arguments:
        inputs: those of the backbone.

    Returns:
        `(batch, num_classes)`: logits, or the outputs of `activation`.

    Example:

    ```python
    import numpy as np
    from longkeras.models import ExactBertBackbone, ExactBertTextClassifier

    backbone = ExactBertBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, max_sequence_length=64,
    )
    classifier = ExactBertTextClassifier(backbone, num_classes=3)
    assert classifier({"token_ids": np.full((1, 40), 7)}).shape == (1, 3)
    ```

    Reference:
        [BERT](https://arxiv.org/abs/1810.04805)
    """

    backbone_cls = ExactBertBackbone

    def make_head(self, num_classes, activation, dropout):
        """Create the layers of KerasHub's head; see `TextClassifier`."""
        self.output_dropout = keras.layers.Dropout(
            dropout,
            dtype=head_dtype_policy(self.backbone),
            name="classifier_dropout",
        )
        self.output_dense = head_dense(
            self.backbone,
            num_classes,
            kernel_initializer=bert_initializer(),
            activation=activation,
            name="logits",
        )

    def pooled(self, outputs, padding_mask, pooling):
        """Return the output of the pooler, or the mean; see `TextClassifier`."""
        if pooling == "first":
            return outputs["pooled_output"]
        return super().pooled(outputs, padding_mask, pooling)

    def head(self, x):
        """Apply the head; see `TextClassifier`."""
        return self.output_dense(self.output_dropout(x))

    def unread_weights(self):
        """Return the weights of the pooler, unless `pooling` is `"first"`."""
        is_read = self.pooling == "first"
        return [] if is_read else list(self.backbone.pooled_dense.weights)
