"""Longformer that puts each token in one of several classes."""

import keras
import keras_hub
import numpy as np

from longkeras.argument_checks import check_arguments
from longkeras.layers.counter_dropout import CounterDropout
from longkeras.models.base.quantized_head import head_dense, head_policy
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.task import LongformerTask
from longkeras.models.longformer.task_parts import check_parts
from longkeras.models.longformer.token_classifier_preprocessor import (
    LongformerTokenClassifierPreprocessor,
)
from longkeras.models.text_tasks.class_labels import check_class_names
from longkeras.models.text_tasks.class_targets import ClassTargets


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerTokenClassifier(ClassTargets, LongformerTask, keras_hub.models.Task):
    """Classifies every token of long texts, to find names or parts.

    Where no `global_attention_mask` is given, no token is global. The head is that of
    Hugging Face's `LongformerForTokenClassification`.

    Args:
        backbone: `longkeras.models.LongformerBackbone`.
        num_classes: int. Number of classes.
        preprocessor: `longkeras.models.LongformerTokenClassifierPreprocessor`, or
            None if inputs are given as ids. Defaults to `None`.
        dropout: float. Rate before the head. Defaults to `0.1`.
        class_names: list of str, one a class, or None. Labels may then be names.
            Defaults to `None`.
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
    # Tokens without a label get a sample weight of 0 from the preprocessor.
    metrics_argument = "weighted_metrics"

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
        inputs = backbone.input
        x = self.output_dropout(backbone(inputs)["sequence_output"])
        super().__init__(inputs=inputs, outputs=self.output_dense(x), **kwargs)

        # === Config ===
        self.num_classes = num_classes
        self.dropout = dropout
        self.class_names = class_names

    def plain_labels(self, y):
        """Labels of words or spans without the places of spans.

        Args:
            y: array, ragged tensor, or a list of a text's labels each: numbers, or
                spans `(start, end, label)`.

        Returns:
            Array, tensor or list of labels.
        """
        if not isinstance(y, list):
            return getattr(y, "flat_values", y)
        return [x[2] if np.ndim(x) else x for row in y for x in row]

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "dropout": self.dropout,
            "class_names": self.class_names,
        }
