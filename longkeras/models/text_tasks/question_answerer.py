"""Extraction of answers from texts."""

import keras

from longkeras.models.base.automatic_metrics import (
    automatic_metrics,
    automatic_optimizer,
)
from longkeras.models.base.text_columns import as_columns, is_text
from longkeras.models.base.text_task import TextTask
from longkeras.models.text_tasks.answer_targets import NAMES, TARGETS
from longkeras.models.text_tasks.heads import head_dense
from longkeras.models.text_tasks.task_arguments import check_family


class QuestionAnswerer(TextTask):
    """Finds the first and the last token of an answer.

    Mixin. Must precede the task's mixin of its family and `keras_hub.models.Task` in
    the bases. A family sets `backbone_cls` and `preprocessor_cls`; it overrides
    `make_head` and `head` if its head is more than a dense layer. For arguments see
    `longkeras.models.LongformerQuestionAnswerer`.
    """

    needs_targets = True

    def __init__(self, backbone, preprocessor=None, **kwargs):
        check_family(self, backbone, preprocessor)
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.make_head()

        # === Functional Model ===
        logits = self.head(backbone(backbone.input)["sequence_output"])
        outputs = {name: logits[..., i] for i, name in enumerate(TARGETS)}
        super().__init__(inputs=backbone.input, outputs=outputs, **kwargs)

    def make_head(self):
        """Create the layers of the head; `output_dense` is the last."""
        self.output_dense = head_dense(self.backbone, len(TARGETS), name="logits")

    def head(self, x):
        """Return the logits of start and end, `(batch, sequence, 2)`."""
        return self.output_dense(x)

    def compile(self, optimizer="auto", loss="auto", metrics="auto", **kwargs):
        """Configure training; see `keras.Model.compile`.

        Args:
            optimizer: Defaults to `"auto"`, Adam at 5e-5.
            loss: Defaults to `"auto"`, the sum of the cross-entropies over positions
                of the start and of the end.
            metrics: Defaults to `"auto"`, the accuracy of both that fits the loss.
            **kwargs: See `keras.Model.compile`.
        """
        if isinstance(loss, str) and loss == "auto":
            make = keras.losses.SparseCategoricalCrossentropy
            loss = {name: make(from_logits=True) for name in TARGETS}
        if isinstance(metrics, str) and metrics == "auto":
            losses = loss if isinstance(loss, dict) else dict.fromkeys(TARGETS, loss)
            metrics = {
                name: automatic_metrics(losses.get(name), "accuracy")
                for name in TARGETS
            }
        optimizer = automatic_optimizer(optimizer)
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def rows_of(self, x):
        """See `TextTraining`; a tuple of two is questions and contexts."""
        rows = super().rows_of(x)
        if isinstance(x, tuple) and len(x) == len(NAMES):
            pair = [[part] if is_text(part) else part for part in x]
            rows = dict(zip(NAMES, map(as_columns, pair), strict=True))
        return rows
