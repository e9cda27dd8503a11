"""Longformer that puts each token in one of several classes."""

import keras
import keras_hub
import numpy as np

from longkeras.argument_checks import check_arguments
from longkeras.layers.counter_dropout import CounterDropout
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.class_labels import (
    check_class_labels,
    takes_class_labels,
)
from longkeras.models.longformer.class_names import check_class_names
from longkeras.models.longformer.inputs import functional_inputs
from longkeras.models.longformer.task import LongformerTask, given_or_adam
from longkeras.models.longformer.task_parts import check_parts
from longkeras.models.longformer.token_classifier_preprocessor import (
    LongformerTokenClassifierPreprocessor,
)
from longkeras.models.quantized_head import head_dense, head_policy
from longkeras.models.shuffled_fit import is_rows


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerTokenClassifier(LongformerTask, keras_hub.models.Task):
    """Classifies every token of long texts, to find names or parts.

    Where no `global_attention_mask` is given, no token is global. The head is that of
    Hugging Face's `LongformerForTokenClassification`.

    Args:
        backbone: `longkeras.models.LongformerBackbone`.
        num_classes: int. Number of classes.
        preprocessor: `longkeras.models.LongformerTokenClassifierPreprocessor`, or
            None if inputs are given as ids. Defaults to `None`.
        dropout: float. Rate before the head. Defaults to `0.1`.
        class_names: list of str, one a class, or None. Defaults to `None`.
        **kwargs: See `keras_hub.models.Task`.

    Call arguments:
        inputs: as of `LongformerBackbone`.

    Returns:
        Logits `(batch, sequence, num_classes)`.

    Raises:
        ValueError: If there is not one name a class.

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

    backbone_cls = LongformerBackbone
    preprocessor_cls = LongformerTokenClassifierPreprocessor
    needs_targets = True

    def __init__(
        self,
        backbone,
        num_classes,
        preprocessor=None,
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
        self.output_dropout = CounterDropout(
            dropout, dtype=head_policy(backbone), name="output_dropout"
        )
        self.output_dense = head_dense(backbone, num_classes, name="logits")

        # === Functional Model ===
        inputs = functional_inputs()
        x = self.output_dropout(backbone(inputs)["sequence_output"])
        super().__init__(inputs=inputs, outputs=self.output_dense(x), **kwargs)

        # === Config ===
        self.num_classes = num_classes
        self.dropout = dropout
        self.class_names = class_names

    def compile(self, optimizer="auto", loss="auto", weighted_metrics="auto", **kwargs):
        """Configure training; see `keras.Model.compile`.

        Args:
            optimizer: Defaults to `"auto"`, Adam at 5e-5.
            loss: Defaults to `"auto"`, cross-entropy of the logits. Tokens without a
                label get a sample weight of 0 from the preprocessor.
            weighted_metrics: Defaults to `"auto"`, the accuracy.
            **kwargs: See `keras.Model.compile`.
        """
        if loss == "auto":
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        if weighted_metrics == "auto":
            weighted_metrics = [keras.metrics.SparseCategoricalAccuracy()]
        super().compile(
            optimizer=given_or_adam(optimizer),
            loss=loss,
            weighted_metrics=weighted_metrics,
            **kwargs,
        )

    def check_targets(self, y):
        """Refuse labels that are no classes; see `TextsOrIds.check_targets`.

        Args:
            y: labels of tokens or words, or spans.

        Raises:
            ValueError: If a label is no class.
        """
        if not is_rows(y) or not takes_class_labels(self):
            return
        if not isinstance(y, list):
            check_class_labels(getattr(y, "flat_values", y), self.num_classes)
            return
        # A span has its label behind its two places.
        labels = [x[2] if np.ndim(x) else x for row in y for x in row]
        check_class_labels(labels, self.num_classes)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "dropout": self.dropout,
            "class_names": self.class_names,
        }
