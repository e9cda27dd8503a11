"""Classification of tokens."""

import numpy as np

from longkeras.argument_checks import check_arguments
from longkeras.layers.counter_dropout import CounterDropout
from longkeras.models.base.text_task import TextTask
from longkeras.models.text_tasks.class_labels import check_class_names
from longkeras.models.text_tasks.class_targets import ClassTargets
from longkeras.models.text_tasks.heads import head_dense, head_dtype_policy
from longkeras.models.text_tasks.task_arguments import check_family


class TokenClassifier(ClassTargets, TextTask):
    """Assigns a class to every token.

    Mixin. Must precede the task's mixin of its family and `keras_hub.models.Task` in
    the bases. A family sets `backbone_cls` and `preprocessor_cls`; it overrides
    `make_head` and `head` if its head is more than dropout and a dense layer. For
    arguments see `longkeras.models.LongformerTokenClassifier`.
    """

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
        check_family(self, backbone, preprocessor)
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.make_head(num_classes, dropout)

        # === Functional Model ===
        x = backbone(backbone.input)["sequence_output"]
        super().__init__(inputs=backbone.input, outputs=self.head(x), **kwargs)

        # === Config ===
        self.num_classes = num_classes
        self.dropout = dropout
        self.class_names = class_names

    def make_head(self, num_classes, dropout):
        """Create the layers of the head; `output_dense` is the last."""
        self.output_dropout = CounterDropout(
            dropout, dtype=head_dtype_policy(self.backbone), name="output_dropout"
        )
        self.output_dense = head_dense(self.backbone, num_classes, name="logits")

    def head(self, x):
        """Apply the head to hidden states `(batch, sequence, hidden_dim)`."""
        return self.output_dense(self.output_dropout(x))

    def plain_labels(self, y):
        """Return labels without the characters of spans `(start, end, label)`."""
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
