"""Longformer that finds answers in texts."""

import keras
import keras_hub
import numpy as np

from longkeras.argument_checks import check_arguments
from longkeras.models.longformer.global_tokens import before_first
from longkeras.models.longformer.task import LongformerPreprocessor, LongformerTask
from longkeras.models.text_tasks.question_answerer import (
    QuestionAnswerer,
    QuestionAnswererPreprocessor,
)


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerQuestionAnswererPreprocessor(
    LongformerPreprocessor, QuestionAnswererPreprocessor
):
    """Packs a question and a text, and finds the tokens of the answer.

    The start token and the question, everything before the first separator, are
    global. A text that does not fit is cut, with a warning; `report` counts the tokens
    that are dropped. `windows` splits a text of any length, each part with the
    question, and `answers` turns the logits of the parts into answers.
    `training_windows` splits texts with answers, for `fit`.

    Args:
        tokenizer: `longkeras.models.LongformerTokenizer`.
        sequence_length: int. The length to pad and cut to. Defaults to `None`, that of
            the batch; set it to `predict` several batches, whose outputs must have one
            length.
        max_sequence_length: int. Where texts are cut otherwise. Defaults to `4096`.
        max_question_length: int. The most tokens of a question. Defaults to `64`.
        **kwargs: See `keras_hub.models.Preprocessor`.

    Call arguments:
        x: dict of `question` and `context`, strings or lists or tensors of strings; or
            ids, as for `LongformerTextClassifierPreprocessor`.
        y: dict of `answer_start`, the answer's first character in the text, and of
            `answer_text` or `answer_end`, one past its last. An answer that is empty or
            begins below 0 becomes the first token; so does one that was cut off, with a
            warning: make `training_windows` of such texts. For ids: dict of
            `start_logits` and `end_logits`, the tokens themselves. Defaults to `None`.
        sample_weight: passed on. Defaults to `None`.

    Returns:
        The dict of `LongformerTextClassifierPreprocessor`; with answers a tuple of it
        and a dict of int32 `start_logits` and `end_logits`, `(batch,)`: the answer's
        first and last token, under the names of the model's outputs.

    Raises:
        ValueError: If a length, an input or an answer is invalid.

    Example:

    ```python
    from longkeras.models import LongformerQuestionAnswererPreprocessor
    from longkeras.models import LongformerTokenizer

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who", "is", "it", "me"]
    preprocessor = LongformerQuestionAnswererPreprocessor(
        LongformerTokenizer.from_word_piece(vocabulary)
    )
    x = {"question": ["Who is it"], "context": ["It is me"]}
    x, y = preprocessor(x, {"answer_start": [6], "answer_text": ["me"]})
    assert x["token_ids"][0, :9].tolist() == [2, 5, 6, 7, 3, 7, 6, 8, 3]
    assert x["global_attention_mask"][0].tolist() == [1] * 4 + [0] * 60
    assert y["start_logits"].tolist() == y["end_logits"].tolist() == [7]
    ```
    """

    def global_tokens(self, token_ids):
        """The tokens before the first separator; see `TextPreprocessor`."""
        return before_first(token_ids, self.tokenizer.separator_token_id, np)


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerQuestionAnswerer(
    QuestionAnswerer, LongformerTask, keras_hub.models.Task
):
    """Predicts where in a text the answer to a question begins and ends.

    The inputs are the question, a separator, and the text. Without a
    `global_attention_mask`, the tokens before the first separator are global: the
    question sees everything, and everything sees the question. There may be any number
    of separators; without one, only the first token is global. The head is that of
    Hugging Face's `LongformerForQuestionAnswering`.

    Args:
        backbone: `longkeras.models.LongformerBackbone`.
        preprocessor: `longkeras.models.LongformerQuestionAnswererPreprocessor`, or
            None if inputs are given as ids. Defaults to `None`.
        separator_id: int. The token between question and text. Defaults to `None`:
            that of the preprocessor's tokenizer, or without a preprocessor 2, `</s>` of
            RoBERTa and Longformer.
        **kwargs: See `keras_hub.models.Task`.

    Call arguments:
        inputs: those of `LongformerBackbone`.

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

    preprocessor_cls = LongformerQuestionAnswererPreprocessor

    def __init__(self, backbone, preprocessor=None, separator_id=None, **kwargs):
        check_arguments(locals(), may_be_none=("separator_id",))
        super().__init__(backbone, preprocessor, **kwargs)
        if separator_id is None:
            separator_id = _separator_of(preprocessor)
        self.separator_id = separator_id

    def global_tokens_of(self, inputs):
        """Return the question: the tokens before the first separator."""
        return before_first(inputs["token_ids"], self.separator_id)

    def get_config(self):
        return {**super().get_config(), "separator_id": self.separator_id}


def _separator_of(preprocessor):
    return 2 if preprocessor is None else preprocessor.tokenizer.separator_token_id
