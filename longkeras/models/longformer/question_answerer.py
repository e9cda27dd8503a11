"""Longformer that finds the answer to a question in a long text."""

import keras
import keras_hub

from longkeras.argument_checks import check_arguments
from longkeras.models.base.automatic_metrics import (
    automatic_metrics,
    automatic_optimizer,
)
from longkeras.models.base.quantized_head import head_dense
from longkeras.models.base.text_columns import as_columns, is_text
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.global_tokens import before_first
from longkeras.models.longformer.question_answerer_preprocessor import (
    NAMES,
    LongformerQuestionAnswererPreprocessor,
)
from longkeras.models.longformer.task import LongformerTask
from longkeras.models.longformer.task_parts import check_parts


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerQuestionAnswerer(LongformerTask, keras_hub.models.Task):
    """Says where in a text the answer to a question begins and ends.

    A text is the question, a separator, and what it is about. Where no
    `global_attention_mask` is given, the tokens before the first separator are
    global: the question sees everything, and everything sees the question. There may
    be any number of separators; without one, the first token alone is global. The
    head is that of Hugging Face's `LongformerForQuestionAnswering`.

    Args:
        backbone: `longkeras.models.LongformerBackbone`.
        preprocessor: `longkeras.models.LongformerQuestionAnswererPreprocessor`, or
            None if inputs are given as ids. Defaults to `None`.
        separator_id: int. The token between question and text. Defaults to `None`:
            that of the preprocessor's tokenizer, or without a preprocessor 2, `</s>` of
            RoBERTa and Longformer.
        **kwargs: See `keras_hub.models.Task`.

    Call arguments:
        inputs: as of `LongformerBackbone`.

    Returns:
        dict of `"start_logits"` and `"end_logits"`, `(batch, sequence)`.

    Example:

    ```python
    import numpy as np
    from longkeras.models import LongformerBackbone, LongformerQuestionAnswerer

    backbone = LongformerBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, attention_window=8, max_sequence_length=64,
    )
    answerer = LongformerQuestionAnswerer(backbone)
    logits = answerer({"token_ids": np.full((2, 40), 7)})
    assert tuple(logits["start_logits"].shape) == (2, 40)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """

    backbone_cls = LongformerBackbone
    preprocessor_cls = LongformerQuestionAnswererPreprocessor
    needs_targets = True

    def __init__(self, backbone, preprocessor=None, separator_id=None, **kwargs):
        check_arguments(locals(), may_be_none=("separator_id",))
        check_parts(backbone, preprocessor)
        if separator_id is None:
            separator_id = _separator_of(preprocessor)
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.output_dense = head_dense(backbone, 2, name="logits")

        # === Functional Model ===
        inputs = backbone.input
        logits = self.output_dense(backbone(inputs)["sequence_output"])
        outputs = {"start_logits": logits[..., 0], "end_logits": logits[..., 1]}
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Config ===
        self.separator_id = separator_id

    def compile(self, optimizer="auto", loss="auto", metrics="auto", **kwargs):
        """Configure training; see `keras.Model.compile`.

        Args:
            optimizer: Defaults to `"auto"`, Adam at 5e-5.
            loss: Defaults to `"auto"`, the cross-entropy over positions of start and
                of end, added.
            metrics: Defaults to `"auto"`, the accuracy of both that fits the loss.
            **kwargs: See `keras.Model.compile`.
        """
        names = ("start_logits", "end_logits")
        if isinstance(loss, str) and loss == "auto":
            make = keras.losses.SparseCategoricalCrossentropy
            loss = {name: make(from_logits=True) for name in names}
        if isinstance(metrics, str) and metrics == "auto":
            losses = loss if isinstance(loss, dict) else dict.fromkeys(names, loss)
            metrics = {
                name: automatic_metrics(losses.get(name), "accuracy") for name in names
            }
        optimizer = automatic_optimizer(optimizer)
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def rows_of(self, x):
        """See `TextTraining`; a pair of columns is questions and contexts.

        Args:
            x: dict of `question` and `context`, or a tuple of the two.

        Returns:
            dict of lists, arrays or tensors.
        """
        rows = super().rows_of(x)
        if isinstance(x, tuple) and len(x) == len(NAMES):
            pair = [[part] if is_text(part) else part for part in x]
            rows = dict(zip(NAMES, map(as_columns, pair), strict=True))
        return rows

    def global_tokens_of(self, inputs):
        """The question: the tokens before the first separator.

        Args:
            inputs: dict with `token_ids`, int `(batch, sequence)`.

        Returns:
            int32 tensor `(batch, sequence)`.
        """
        return before_first(inputs["token_ids"], self.separator_id)

    def get_config(self):
        return {**super().get_config(), "separator_id": self.separator_id}


def _separator_of(preprocessor):
    return 2 if preprocessor is None else preprocessor.tokenizer.separator_token_id
