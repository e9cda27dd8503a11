"""Classification of whole texts."""

import keras
import keras_hub
import numpy as np

from longkeras.argument_checks import check_arguments
from longkeras.layers.counter_dropout import CounterDropout
from longkeras.models.base.text_task import TextTask
from longkeras.models.text_tasks.class_targets import ClassTargets, check_class_names
from longkeras.models.text_tasks.heads import (
    check_family,
    head_dense,
    head_dtype_policy,
    pool,
)
from longkeras.models.text_tasks.text_preprocessor import TextPreprocessor


class TextClassifierPreprocessor(
    TextPreprocessor, keras_hub.models.TextClassifierPreprocessor
):
    """Tokenizes texts or pairs of texts, adds special tokens, and pads.

    A family sets what `TextPreprocessor` names. For arguments see
    `longkeras.models.LongformerTextClassifierPreprocessor`.
    """

    def __init__(
        self,
        tokenizer,
        sequence_length=None,
        truncate="round_robin",
        max_sequence_length=4096,
        **kwargs,
    ):
        super().__init__(tokenizer, **kwargs)
        self.set_lengths(sequence_length, max_sequence_length, truncate)

    def call(self, x, y=None, sample_weight=None):
        inputs = self.mapped(
            lambda x: self.inputs_of(self.rows(x), x), x, self.input_specs(x), x
        )
        # Labels may be a list.
        y, sample_weight = (
            np.asarray(value) if isinstance(value, list) else value
            for value in (y, sample_weight)
        )
        return keras.utils.pack_x_y_sample_weight(inputs, y, sample_weight)


class TextClassifier(ClassTargets, TextTask):
    """Pools the hidden states of a text, and classifies it.

    Mixin. Must precede the task's mixin of its family and
    `keras_hub.models.TextClassifier` in the bases. A family sets `backbone_cls` and
    `preprocessor_cls`; it overrides `make_head` and `head` if its head differs from
    RoBERTa's. For arguments see `longkeras.models.LongformerTextClassifier`.
    """

    needs_targets = True

    def __init__(
        self,
        backbone,
        num_classes,
        preprocessor=None,
        activation=None,
        dropout=0.1,
        class_names=None,
        pooling="first",
        **kwargs,
    ):
        check_arguments(locals())
        check_class_names(class_names, num_classes)
        if pooling not in ("first", "mean"):
            raise ValueError(
                f'`pooling` must be "first" or "mean". Received: pooling={pooling!r}'
            )
        check_family(self, backbone, preprocessor)
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.pooling = pooling  # `compile`, which is called below, may read it.
        self.make_head(num_classes, activation, dropout)

        # === Functional Model ===
        inputs = backbone.input
        x = self.pooled(backbone(inputs), inputs["padding_mask"], pooling)
        super().__init__(inputs=inputs, outputs=self.head(x), **kwargs)

        # === Config ===
        self.num_classes = num_classes
        self.activation = keras.activations.get(activation)
        self.dropout = dropout
        self.class_names = class_names

    def make_head(self, num_classes, activation, dropout):
        """Create the layers of the head; `output_dense` is the last."""
        backbone = self.backbone
        dtype = head_dtype_policy(backbone)
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

    def pooled(self, outputs, padding_mask, pooling):
        """Return one vector for each text, given the dict of the backbone's outputs."""
        return pool(outputs["sequence_output"], padding_mask, pooling)

    def head(self, x):
        """Apply the head to vectors `(batch, hidden_dim)`."""
        x = self.pooled_dense(self.pooled_dropout(x))
        return self.output_dense(self.output_dropout(x))

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "activation": keras.activations.serialize(self.activation),
            "dropout": self.dropout,
            "class_names": self.class_names,
            "pooling": self.pooling,
        }
