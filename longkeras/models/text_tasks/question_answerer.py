"""Extraction of answers from texts."""

import dataclasses
import warnings
from collections.abc import Mapping

import keras
import keras_hub
import numpy as np

from longkeras.argument_checks import check_arguments
from longkeras.models.base.compile_defaults import (
    default_metrics,
    default_optimizer,
)
from longkeras.models.base.data_rows import as_columns, is_text
from longkeras.models.base.text_task import TextTask
from longkeras.models.text_tasks.answers import (
    NAMES,
    TARGETS,
    WHOLE,
    answer_characters,
    answer_spans,
    answer_tokens,
    chosen_windows,
    given_targets,
)
from longkeras.models.text_tasks.heads import check_family, head_dense
from longkeras.models.text_tasks.text_preprocessor import TextPreprocessor
from longkeras.models.text_tasks.text_rows import (
    is_given_as_rows,
    text_tuples,
)
from longkeras.text.pipeline import ArraySpec, plain_values
from longkeras.text.windows import subword_windows


class QuestionAnswererPreprocessor(TextPreprocessor, keras_hub.models.Preprocessor):
    """Packs a question and a text, and finds the tokens of the answer.

    A family sets what `TextPreprocessor` names. For arguments see
    `longkeras.models.LongformerQuestionAnswererPreprocessor`.
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
        # The question, which comes first, has its own limit.
        self.set_lengths(sequence_length, max_sequence_length, truncate="waterfall")
        check_arguments({"max_question_length": max_question_length})
        self.max_question_length = max_question_length
        self.has_warned_of_answers = False

    def call(self, x, y=None, sample_weight=None):
        specs = self.input_specs(x)
        if y is None:
            inputs = self.mapped(lambda x: self._prepared(x)[0], x, specs, x)
        else:
            specs = specs, {name: ArraySpec("int32", ()) for name in TARGETS}
            inputs, y = self.mapped(
                lambda both: self._prepared(*both), (x, y), specs, x
            )
        return keras.utils.pack_x_y_sample_weight(inputs, y, sample_weight)

    def rows(self, x):
        """See `TextPreprocessor.rows`; of texts, `question` and `context`."""
        if is_given_as_rows(x):
            return super().rows(x)
        return [row for row, _ in self._rows_with_offsets(x)]

    def windows(self, question, context, stride=None, answer=None):
        """Split a text of any length into overlapping rows that cover it.

        Args:
            question: str. Precedes the text in every row.
            context: str. The text that may hold the answer.
            stride: int. Tokens of the text from the start of one row to that of the
                next. Defaults to `None`: half of what fits, so that an answer that one
                row cuts in two is whole in another.
            answer: dict of `answer_start`, and of `answer_text` or `answer_end`, as `y`
                of a call. Defaults to `None`.

        Returns:
            An object with `inputs`, a dict of int32 arrays `(windows, sequence)` for
            `predict`, and `offsets` `(windows, sequence, 2)`, the characters of each
            token, or -1. With an `answer` also `targets`, a dict of int32
            `start_logits` and `end_logits` `(windows,)`, which are the first token, 0,
            in windows that do not hold the whole answer.
        """
        characters = None
        if answer is not None:
            (characters,) = answer_characters({"context": context}, answer)
        rows, offsets, places, _ = self._window_rows(
            question, context, stride, characters
        )
        windows = self._windows(context, rows, offsets)
        if answer is None:
            return windows
        return dataclasses.replace(windows, targets=_as_targets(places))

    def training_windows(self, x, y, stride=None, unanswered_share=None, seed=0):
        """Split texts with answers into windows to train on, so that none is cut off.

        Windows that hold a part of an answer are left out.

        Args:
            x: dict of `question` and `context`, strings or lists of strings.
            y: dict of answers; see the class.
            stride: int. See `windows`. Defaults to `None`.
            unanswered_share: float from 0 to less than 1. The share of windows without
                an answer among all that are returned, drawn at random; less if there
                are not enough. Defaults to `None`: all windows.
            seed: int. Seed of the draw. Defaults to `0`.

        Returns:
            (inputs, targets), for `fit`: dict of int32 arrays `(windows, sequence)`,
            and dict of int32 `start_logits` and `end_logits` `(windows,)`, which are
            the first token, 0, in windows without an answer.

        Raises:
            ValueError: If inputs or answers are of another form, or no window is left.
        """
        x, y = plain_values(x), plain_values(y)
        texts = self._texts(x)
        rows, places, held, lost = [], [], [], 0
        for (question, context), characters in zip(
            texts, answer_characters(x, y), strict=True
        ):
            found = self._window_rows(question, context, stride, characters)
            rows += found[0]
            places += found[2]
            held += found[3]
            lost += characters is not None and WHOLE not in found[3]
        if lost:
            warnings.warn(
                f"{lost} of {len(texts)} answers stand whole in no window, and are not "
                "trained: give a smaller `stride` or a larger `sequence_length`.",
                stacklevel=2,
            )
        chosen = chosen_windows(np.array(held, dtype=int), unanswered_share, seed)
        inputs = self.inputs_of([rows[i] for i in chosen], {})
        return inputs, _as_targets([places[i] for i in chosen])

    def answers(self, windows, logits, **kwargs):
        """Return the best answers in a text that was read in windows.

        Args:
            windows: what `windows` returned.
            logits: dict of `start_logits` and `end_logits`, `(windows, sequence)`, the
                result of `predict`.
            **kwargs: `n_best`, `max_answer_length` and `may_be_unanswered` of
                `longkeras.models.text_tasks.answers.answer_spans`.

        Returns:
            list of `AnswerSpan`, objects with `text`, `start` and `end` in characters,
            `score` and `window`; the best first. It is empty if the `n_best` starts and
            ends of no window make an answer of at most `max_answer_length` tokens.
        """
        return answer_spans(*(logits[name] for name in TARGETS), windows, **kwargs)

    def get_config(self):
        config = super().get_config()
        return {**config, "max_question_length": self.max_question_length}

    def _prepared(self, x, y=None):
        if is_given_as_rows(x):
            rows = self.rows(x)
            inputs = self.inputs_of(rows, x)
            if y is None:
                return inputs, None
            targets, cut = given_targets(x, y, rows)
            self._warn_of_answers(cut, len(rows))
            return inputs, targets
        pairs = self._rows_with_offsets(x)
        inputs = self.inputs_of([row for row, _ in pairs], x)
        if y is None:
            return inputs, None
        places, cut = [], 0
        for (row, offsets), characters in zip(
            pairs, answer_characters(x, y), strict=True
        ):
            start, end, held = answer_tokens(offsets, characters, 0, row.kept[1])
            is_whole = characters is None or held == WHOLE
            cut += not is_whole and row.kept[1] < row.lengths[1]
            places.append(_in_row(row, start, end))
        self._warn_of_answers(cut, len(pairs))
        return inputs, _as_targets(places)

    def _warn_of_answers(self, cut, count):
        if cut and not self.has_warned_of_answers:
            self.has_warned_of_answers = True
            warnings.warn(
                f"{cut} of {count} answers were cut off with the ends of their texts, "
                "and are trained as if there were no answer: train on "
                "`training_windows`, which hold them, or give a larger "
                "`sequence_length`.",
                stacklevel=2,
            )

    def _window_rows(self, question, context, stride, characters):
        """Return rows, offsets, answer tokens and `held` of each window."""
        asked = self.tokenizer.tokenize(question)
        window = self._room(2) - self._asked_length(asked)
        stride = max(1, window // 2) if stride is None else stride
        pieces = subword_windows(self.tokenizer, context, window, stride)
        rows = [self._packed_pair(asked, pieces[i]) for i in range(len(pieces))]
        offsets = [pieces.offsets_of(i) for i in range(len(pieces))]
        places, held = [], []
        for row, first in zip(rows, pieces.starts.tolist(), strict=True):
            start, end, much = answer_tokens(
                pieces.offsets, characters, first, row.kept[1]
            )
            places.append(_in_row(row, start, end))
            held.append(much)
        return rows, offsets, places, held

    def _asked_length(self, question):
        """Return the most tokens of a question: one is left for the text."""
        return min(len(question), self.max_question_length, self._room(2) - 1)

    def _packed_pair(self, question, context):
        asked = question[: self._asked_length(question)]
        return self._packed([asked, context], uncut=[len(question), len(context)])

    def _texts(self, x):
        if not isinstance(x, Mapping):
            raise ValueError(
                "`x` must be a dict of `question` and `context`, strings or lists of "
                f"strings. Received: {type(x).__name__}"
            )
        return text_tuples(x, NAMES)

    def _rows_with_offsets(self, x):
        found = []
        for question, context in self._texts(x):
            asked = self.tokenizer.tokenize(question)
            ids, offsets = self.tokenizer.tokenize_with_offsets(context)
            found.append((self._packed_pair(asked, ids), offsets))
        return found


def _in_row(row, start, end):
    """Return tokens of a text as tokens of its row; 0 if there are none."""
    return (0, 0) if start < 0 else (row.starts[1] + start, row.starts[1] + end)


def _as_targets(places):
    columns = np.array(places, dtype=np.int32).reshape(-1, 2).T
    return dict(zip(TARGETS, columns, strict=True))


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
                name: default_metrics(losses.get(name), "accuracy") for name in TARGETS
            }
        optimizer = default_optimizer(optimizer)
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def rows_of(self, x):
        """See `TextTraining`; a tuple of two is questions and contexts."""
        rows = super().rows_of(x)
        if isinstance(x, tuple) and len(x) == len(NAMES):
            pair = [[part] if is_text(part) else part for part in x]
            rows = dict(zip(NAMES, map(as_columns, pair), strict=True))
        return rows
