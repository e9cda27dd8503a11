"""Classification of tokens."""

from collections.abc import Mapping

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
)
from longkeras.models.text_tasks.text_preprocessor import TextPreprocessor
from longkeras.models.text_tasks.text_rows import (
    given_rows,
    is_given_as_rows,
    leading,
)
from longkeras.text.pipeline import ArraySpec, rank_of
from longkeras.text.subword_rows import padded_rows


class TokenClassifierPreprocessor(TextPreprocessor, keras_hub.models.Preprocessor):
    """Tokenizes words or texts, pads them, and gives tokens the labels of their words.

    A family sets what `TextPreprocessor` names. For arguments see
    `longkeras.models.LongformerTokenClassifierPreprocessor`.
    """

    def __init__(
        self,
        tokenizer,
        sequence_length=None,
        max_sequence_length=4096,
        outside_label=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.tokenizer = tokenizer
        self.set_lengths(sequence_length, max_sequence_length, truncate="waterfall")
        check_arguments({"outside_label": outside_label})
        self.outside_label = outside_label

    def call(self, x, y=None, sample_weight=None):
        one_text = 1 if isinstance(x, Mapping) and "words" in x else 0
        specs = self.input_specs(x)
        if y is None:
            inputs = self.mapped(
                lambda x: self.inputs_of(self.rows(x), x), x, specs, x, one_text
            )
            return keras.utils.pack_x_y_sample_weight(inputs, None, sample_weight)
        label = ArraySpec("int32", (self.sequence_length,))
        weight = ArraySpec("float32", (self.sequence_length,))
        _, single = leading(x, one_text)
        return self.mapped(
            lambda all_of_it: self._labelled(*all_of_it, single),
            (x, y, sample_weight),
            (specs, label, weight),
            x,
            one_text,
        )

    def rows(self, x):
        """See `TextPreprocessor.rows`; words are read as a text."""
        if is_given_as_rows(x):
            return super().rows(x)
        return [self._packed([ids]) for ids, _, _ in self._tokenized(x)]

    def get_config(self):
        return {**super().get_config(), "outside_label": self.outside_label}

    def _tokenized(self, x):
        """Yield ids, offsets, and the word of each character or None, of each text."""
        for text in _texts(x):
            words = None
            if not isinstance(text, str):
                text, words = _joined(text)
            yield *self.tokenizer.tokenize_with_offsets(text), words

    def _labelled(self, x, y, sample_weight, single):
        if is_given_as_rows(x):
            rows = self.rows(x)
            # Padding is removed, and rows are cut, in the labels as in the ids.
            names = (*self.input_names, *self.optional_input_names, "labels")
            labelled = given_rows({**x, "labels": y}, self.longest, names)
            labels = [row.inputs["labels"] for row in labelled]
            weights = [np.ones_like(row) for row in labels]
        else:
            rows, labels, weights = self._rows_with_labels(x, [y] if single else y)
        inputs = self.inputs_of(rows, x)
        length = inputs["token_ids"].shape[1]
        labels = padded_rows(labels, length, 0)
        weights = padded_rows(weights, length, 0).astype(np.float32)
        if sample_weight is not None:
            weights *= np.asarray(sample_weight, dtype=np.float32).reshape(-1, 1)
        return inputs, labels, weights

    def _rows_with_labels(self, x, y):
        rows, labels, weights = [], [], []
        texts = list(_texts(x))
        if len(texts) != len(y):
            raise ValueError(
                f"`y` must have labels for each of {len(texts)} texts. Received: "
                f"labels for {len(y)}"
            )
        for text, given in zip(texts, y, strict=True):
            _check_labels(text, given)
        for (ids, offsets, words), given in zip(self._tokenized(x), y, strict=True):
            row = self._packed([ids])
            if words is None:
                text_labels, text_weights = self._from_spans(offsets, given)
            else:
                text_labels, text_weights = _from_words(offsets, words, given)
            first, count = row.starts[0], row.kept[0]
            line = np.zeros((2, len(row.inputs["token_ids"])), dtype=np.int32)
            line[0, first : first + count] = text_labels[:count]
            line[1, first : first + count] = text_weights[:count]
            rows.append(row)
            labels.append(line[0])
            weights.append(line[1])
        return rows, labels, weights

    def _from_spans(self, offsets, spans):
        labels = np.full(len(offsets), self.outside_label, dtype=np.int32)
        for start, end, label in spans:
            labels[(offsets[:, 0] < end) & (offsets[:, 1] > start)] = label
        return labels, np.ones(len(offsets), dtype=np.int32)


def _check_labels(text, given):
    """Raise a `ValueError` unless labels fit a text's words or characters."""
    if not isinstance(text, str):
        if len(text) != len(given):
            raise ValueError(
                f"`y` must have a label for each word. Received: {len(given)} labels "
                f"of {len(text)} words, {text[:3]!r} first"
            )
        return
    for start, end, _ in given:
        if not 0 <= start < end <= len(text):
            raise ValueError(
                "`y` must have spans `(start, end, label)` of characters in the text. "
                f"Received: ({start}, {end}) in a text of {len(text)} characters"
            )


def _texts(x):
    """Return a list of texts: strings, or lists of words."""
    if isinstance(x, Mapping):
        if set(x) not in ({"words"}, {"text"}):
            raise ValueError(
                f"`x` must have `words`, `text` or `token_ids`. Received: {sorted(x)}"
            )
        name, x = next(iter(x.items()))
        return [x] if rank_of(x) == (1 if name == "words" else 0) else x
    return [x] if isinstance(x, str) else x


def _joined(words):
    """Join words, and say which word each character is in; a space is the next's."""
    lengths = [len(word) + (i > 0) for i, word in enumerate(words)]
    return " ".join(words), np.repeat(np.arange(len(words)), lengths)


def _from_words(offsets, words, given):
    """Return labels for the first tokens of words, and 1 for these tokens."""
    labels = np.zeros((2, len(offsets)), dtype=np.int32)
    if len(offsets):
        last = np.maximum(offsets[:, 0], offsets[:, 1] - 1)
        word = words[np.minimum(last, len(words) - 1)]
        first = np.flatnonzero(np.diff(word, prepend=-1))
        labels[0, first] = np.asarray(given, dtype=np.int32)[word[first]]
        labels[1, first] = 1
    return labels


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
