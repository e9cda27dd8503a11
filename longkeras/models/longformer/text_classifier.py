"""Longformer that puts a text in one of several classes."""

import keras
import keras_hub

from longkeras.argument_checks import check_arguments
from longkeras.layers.counter_dropout import CounterDropout
from longkeras.models.base.quantized_head import head_dense, head_policy
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.global_tokens import first_token
from longkeras.models.longformer.task import LongformerTask
from longkeras.models.longformer.task_parts import check_parts
from longkeras.models.longformer.text_classifier_preprocessor import (
    LongformerTextClassifierPreprocessor,
)
from longkeras.models.text_tasks.class_labels import check_class_names
from longkeras.models.text_tasks.class_targets import ClassTargets


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerTextClassifier(
    ClassTargets, LongformerTask, keras_hub.models.TextClassifier
):
    """Classifies long texts by their first token, which sees the whole text.

    Where no `global_attention_mask` is given, the first token is global, as with
    Hugging Face's `LongformerForSequenceClassification`, whose head this is.

    Args:
        backbone: `longkeras.models.LongformerBackbone`.
        num_classes: int. Number of classes.
        preprocessor: `longkeras.models.LongformerTextClassifierPreprocessor`, or None
            if inputs are given as ids. Defaults to `None`.
        activation: Activation of the outputs. With `"sigmoid"` any number of classes
            may be true of a text: `compile` then defaults to binary cross-entropy, and
            targets are one column a class, or lists of `class_names`. Defaults to
            `None`, logits.
        dropout: float. Rate before each layer of the head. Defaults to `0.1`.
        class_names: list of str, one a class, or None. Labels may then be names.
            Defaults to `None`.
        **kwargs: See `keras_hub.models.TextClassifier`.

    Call arguments:
        inputs: as of `LongformerBackbone`.

    Returns:
        Logits `(batch, num_classes)`.

    Raises:
        ValueError: If there is not one name a class.

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

    backbone_cls = LongformerBackbone
    preprocessor_cls = LongformerTextClassifierPreprocessor
    needs_targets = True

    def __init__(
        self,
        backbone,
        num_classes,
        preprocessor=None,
        activation=None,
        dropout=0.1,
        class_names=None,
        **kwargs,
    ):
        check_arguments(locals())
        check_class_names(class_names, num_classes)
        check_parts(backbone, preprocessor)
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        dtype = head_policy(backbone)
        self.pooled_dropout = CounterDropout(
            dropout, dtype=dtype, name="pooled_dropout"
        )
        self.pooled_dense = head_dense(
            backbone, backbone.hidden_dim, activation="tanh", name="pooled_dense"
        )
        self.output_dropout = CounterDropout(
            dropout, dtype=dtype, name="output_dropout"
        )
        self.output_dense = head_dense(
            backbone, num_classes, activation=activation, name="logits"
        )

        # === Functional Model ===
        inputs = backbone.input
        x = backbone(inputs)["sequence_output"][:, 0]
        x = self.pooled_dense(self.pooled_dropout(x))
        outputs = self.output_dense(self.output_dropout(x))
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Config ===
        self.num_classes = num_classes
        self.activation = keras.activations.get(activation)
        self.dropout = dropout
        self.class_names = class_names

    def global_tokens_of(self, inputs):
        """The first token of each text.

        Args:
            inputs: dict with `token_ids`, int `(batch, sequence)`.

        Returns:
            int32 tensor `(batch, sequence)`.
        """
        return first_token(inputs["token_ids"])

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "activation": keras.activations.serialize(self.activation),
            "dropout": self.dropout,
            "class_names": self.class_names,
        }
