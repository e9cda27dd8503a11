"""Questions, texts and answers to the inputs and targets of a Longformer."""

import numbers
from collections.abc import Mapping

import keras
import keras_hub
import numpy as np

from longkeras.argument_checks import check_arguments
from longkeras.models.longformer.answer_spans import answer_spans
from longkeras.models.longformer.preprocessor import LongformerPreprocessor
from longkeras.models.longformer.preprocessor_rows import (
    is_given_as_rows,
    text_tuples,
)
from longkeras.text.subword_pipeline import ArraySpec
from longkeras.text.subword_text_windows import subword_windows

NAMES = ("question", "context")
TARGETS = ("start_logits", "end_logits")
_ANSWERS = ({"answer_start", "answer_text"}, {"answer_start", "answer_end"})


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerQuestionAnswererPreprocessor(
    LongformerPreprocessor, keras_hub.models.Preprocessor
):
    """Packs a question and a text, and finds the tokens of the answer.

    The start and the question, all that stands before the first separator, are
    global. A text that does not fit is cut, with a warning; `report` counts it.
    `windows` reads a text of any length in parts, each with the question, and
    `answers` turns the logits of the parts into characters of the text.

    Args:
        tokenizer: `longkeras.models.LongformerTokenizer`.
        sequence_length: int. The length to pad and cut to. Defaults to `None`: the
            longest of the batch, rounded up to a multiple of 64. Set it to `predict`
            several batches, whose outputs must have one length.
        max_sequence_length: int. Where texts are cut if `sequence_length` is None, the
            length of the model's position table. Defaults to `4096`.
        max_question_length: int. The most tokens of a question. Defaults to `64`.
        **kwargs: See `keras_hub.models.Preprocessor`.

    Call arguments:
        x: dict of `question` and `context`, strings or lists or tensors of strings; or
            ids, as of `LongformerTextClassifierPreprocessor`.
        y: dict of `answer_start`, the answer's first character in the text, and of
            `answer_text` or `answer_end`, one past its last. An answer that is empty,
            that begins below 0 or that was cut off is the first token. For ids: dict of
            `start_logits` and `end_logits`, the tokens themselves. Defaults to `None`.
        sample_weight: passed on. Defaults to `None`.

    Returns:
        The dict of `LongformerTextClassifierPreprocessor`; with answers a tuple of it
        and a dict of int32 `start_logits` and `end_logits`, `(batch,)`: the answer's
        first and last token, under the names of the model's outputs.

    Raises:
        ValueError: If a length cannot be, or inputs or answers are of another form.

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

    def __init__(
        self,
        tokenizer,
        sequence_length=None,
        max_sequence_length=4096,
        max_question_length=64,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.tokenizer = tokenizer
        # The question comes first: it has been cut to its own length before.
        self.set_lengths(sequence_length, max_sequence_length, truncate="waterfall")
        check_arguments({"max_question_length": max_question_length})
        self.max_question_length = max_question_length

    def call(self, x, y=None, sample_weight=None):
        specs = self.input_specs()
        if y is None:
            inputs = self.mapped(lambda x: self._prepared(x)[0], x, specs, x)
        else:
            specs = specs, {name: ArraySpec("int32", ()) for name in TARGETS}
            inputs, y = self.mapped(
                lambda both: self._prepared(*both), (x, y), specs, x
            )
        return keras.utils.pack_x_y_sample_weight(inputs, y, sample_weight)

    def global_tokens(self, token_ids):
        """What stands before the first separator, else the first token.

        Args:
            token_ids: int32 array `(length,)`.

        Returns:
            int32 array `(length,)`.
        """
        separators = np.flatnonzero(token_ids == self.tokenizer.separator_token_id)
        count = separators[0] if len(separators) else 1
        return (np.arange(len(token_ids)) < count).astype(np.int32)

    def rows(self, x):
        """See `LongformerPreprocessor.rows`; of texts, `question` and `context`."""
        if is_given_as_rows(x):
            return super().rows(x)
        return [row for row, _ in self._rows_with_offsets(x)]

    def windows(self, question, context, stride=None):
        """A text of any length as rows that together hold all of it.

        Args:
            question: str. Stands in every row.
            context: str. The text that may hold the answer.
            stride: int. Tokens of the text from one row's to the next's first.
                Defaults to `None`: half of what fits, so that an answer that one row
                cuts in two stands whole in another.

        Returns:
            An object with `inputs`, a dict of int32 arrays `(windows, sequence)` for
            `predict`, and `offsets` `(windows, sequence, 2)`, the characters of each
            token, -1 where it stands for none.
        """
        asked = self.tokenizer.tokenize(question)
        window = self._room(2) - self._asked_length(asked)
        stride = max(1, window // 2) if stride is None else stride
        pieces = subword_windows(self.tokenizer, context, window, stride)
        rows = [self._packed_pair(asked, pieces[i]) for i in range(len(pieces))]
        offsets = [pieces.offsets_of(i) for i in range(len(pieces))]
        return self._windows(context, rows, offsets)

    def answers(self, windows, logits, **kwargs):
        """The best answers in a text that was read in windows.

        Args:
            windows: what `windows` returned.
            logits: dict of `start_logits` and `end_logits`, `(windows, sequence)`, as
                `predict` of the model gives them.
            **kwargs: `n_best`, `max_answer_length` and `may_be_unanswered` of
                `longkeras.models.longformer.answer_spans.answer_spans`.

        Returns:
            list of `longkeras.models.longformer.answer_spans.AnswerSpan`, objects with
            `text`, `start` and `end` in characters, `score` and `window`; the best
            first. It may be empty: of the `n_best` starts and ends of a window none
            may make an answer of at most `max_answer_length` tokens.
        """
        return answer_spans(*(logits[name] for name in TARGETS), windows, **kwargs)

    def get_config(self):
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "max_sequence_length": self.max_sequence_length,
            "max_question_length": self.max_question_length,
        }

    def _prepared(self, x, y=None):
        if is_given_as_rows(x):
            inputs = self.inputs_of(self.rows(x), x)
            return inputs, y and {name: np.int32(_as_list(y[name])) for name in TARGETS}
        pairs = self._rows_with_offsets(x)
        inputs = self.inputs_of([row for row, _ in pairs], x)
        if y is None:
            return inputs, None
        places = [
            _answer_tokens(row, offsets, characters)
            for (row, offsets), characters in zip(
                pairs, _answer_characters(x, y), strict=True
            )
        ]
        columns = np.array(places, dtype=np.int32).reshape(-1, 2).T
        return inputs, dict(zip(TARGETS, columns, strict=True))

    def _asked_length(self, question):
        """How much of a question is read: one token is left for the text."""
        return min(len(question), self.max_question_length, self._room(2) - 1)

    def _packed_pair(self, question, context):
        asked = question[: self._asked_length(question)]
        return self._packed([asked, context], uncut=[len(question), len(context)])

    def _rows_with_offsets(self, x):
        if not isinstance(x, Mapping):
            raise ValueError(
                "`x` must be a dict of `question` and `context`, strings or lists of "
                f"strings. Received: {type(x).__name__}"
            )
        found = []
        for question, context in text_tuples(x, NAMES):
            asked = self.tokenizer.tokenize(question)
            ids, offsets = self.tokenizer.tokenize_with_offsets(context)
            found.append((self._packed_pair(asked, ids), offsets))
        return found


def _as_list(value):
    return value if isinstance(value, list) else [value]


def _answer_characters(x, y):
    """The characters of each answer, or None where there is none."""
    is_dict = isinstance(y, Mapping)
    if not is_dict or set(y) not in _ANSWERS:
        received = sorted(y) if is_dict else type(y).__name__
        raise ValueError(
            "`y` must be a dict of `answer_start`, the answer's first character in "
            "`context`, and of `answer_text` or `answer_end`, one past its last. "
            f"Received: {received}"
        )
    contexts, starts = _as_list(x["context"]), _as_list(y["answer_start"])
    counts = {name: len(_as_list(values)) for name, values in y.items()}
    if set(counts.values()) != {len(contexts)}:
        raise ValueError(
            f"`y` must have an answer for each of {len(contexts)} texts. Received: "
            f"{counts}"
        )
    for name, values in y.items():
        kind = str if name == "answer_text" else numbers.Integral
        wrong = [value for value in _as_list(values) if not isinstance(value, kind)]
        if wrong:
            meant = "str" if kind is str else "int"
            raise ValueError(
                f"`{name}` must be one {meant} a text. Received: {wrong[0]!r}"
            )
    if "answer_end" in y:
        ends = _as_list(y["answer_end"])
        for context, end in zip(contexts, ends, strict=True):
            if end > len(context):
                raise ValueError(
                    "`answer_end` must lie in `context`. Received: "
                    f"answer_end={end} in a text of {len(context)} characters"
                )
    else:
        texts = _as_list(y["answer_text"])
        ends = [start + len(text) for start, text in zip(starts, texts, strict=True)]
        for context, start, text in zip(contexts, starts, texts, strict=True):
            if start >= 0 and context[start : start + len(text)] != text:
                raise ValueError(
                    "`answer_text` must stand in `context` at `answer_start`. "
                    f"Received: answer_text={text!r}, answer_start={start}, where "
                    f"{context[start : start + len(text)]!r} stands"
                )
    return [
        (start, end) if 0 <= start < end else None
        for start, end in zip(starts, ends, strict=True)
    ]


def _answer_tokens(row, offsets, characters):
    """The answer's first and last token in the row, or the first token twice."""
    if characters is None:
        return 0, 0
    start, end = characters
    inside = np.flatnonzero((offsets[:, 1] > start) & (offsets[:, 0] < end))
    if not len(inside) or inside[-1] >= row.kept[1]:
        return 0, 0
    return row.starts[1] + inside[0], row.starts[1] + inside[-1]
