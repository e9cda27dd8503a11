"""Texts and ids that `fit`, `evaluate` and `predict` take, and checks of them."""

import numbers

import numpy as np

from longkeras.models.base.shuffled_fit import check_counts, columns_of, is_rows
from longkeras.models.base.text_columns import as_columns, is_text, one_text_as_rows


class TextsOrIds:
    """Takes texts in every form that people have them, and refuses what is no text.

    Mixin. Must precede a `keras_hub.models.Task` with `DefaultInputs` and
    `PreparedData`.
    """

    needs_targets = False

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        sample_weight=None,
        validation_data=None,
        **kwargs,
    ):
        """Train; see `keras.Model.fit`.

        Args:
            x: texts: a list, tuple or other sequence of strings, such as a column of
                `datasets`; an array, tensor or pandas Series; or what else the
                preprocessor takes. Ids without a preprocessor: a dict of tensors, of
                which only `token_ids` must be there. Or batches `x`, `(x, y)` or
                `(x, y, sample_weight)` of these: a `tf.data.Dataset`, a
                `keras.utils.PyDataset`, or a generator. Batches of ids from the last
                two are not preprocessed.
            y: targets of the rows: for a classifier the numbers of classes, or their
                names if the model has `class_names`. Defaults to `None`.
            batch_size: int. Rows of a step. Defaults to `None`, 32.
            sample_weight: weights of the rows. Defaults to `None`.
            validation_data: tuple of rows `(x, y)` or `(x, y, sample_weight)`, or
                batches. Defaults to `None`.
            **kwargs: See `keras.Model.fit`. The keys of `class_weight` are numbers or
                names of classes.

        Returns:
            `keras.callbacks.History`.

        Raises:
            ValueError: If texts or targets are not as they may be.
        """
        x, y, sample_weight = self._checked_rows(x, y, sample_weight)
        if validation_data is not None:
            validation_data = self._checked_validation(validation_data)
        return super().fit(x, y, batch_size, sample_weight, validation_data, **kwargs)

    def evaluate(self, x=None, y=None, batch_size=None, sample_weight=None, **kwargs):
        """Evaluate; see `keras.Model.evaluate`, and `fit` for the arguments."""
        if not kwargs.get("_use_cached_eval_dataset"):
            x, y, sample_weight = self._checked_rows(x, y, sample_weight)
        return super().evaluate(x, y, batch_size, sample_weight, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Predict; see `keras.Model.predict`.

        Args:
            x: See `fit`. A single text is a batch of one.
            *args: See `keras.Model.predict`.
            **kwargs: See `keras.Model.predict`.

        Returns:
            NumPy array, or dict of them, with one row for each text.
        """
        if self.preprocessor is not None:
            x = one_text_as_rows(x)
        return super().predict(self.readable(self.rows_of(x)), *args, **kwargs)

    def readable(self, x):
        """What was given, if the model can read it.

        Args:
            x: See `fit`.

        Returns:
            `x`; a dict of ids without what is None.

        Raises:
            ValueError: If there is nothing in `x`, texts are given and there is no
                preprocessor, the tokenizer has more tokens than the embedding rows, or
                texts or ids are not as they may be.
        """
        if self.preprocessor is None:
            return self.checked(x) if isinstance(x, dict | str) or is_rows(x) else x
        check_vocabulary(self)
        _check_texts(x)
        return x

    def check_targets(self, y):
        """Refuse targets that cannot be meant: here none.

        Args:
            y: See `fit`.
        """

    def _checked_rows(self, x, y=None, sample_weight=None):
        """Texts, targets and weights as lists and arrays, if they may be given."""
        x, y, sample_weight = self.rows_of(x), as_columns(y), as_columns(sample_weight)
        if is_rows(x):
            if y is None and self.needs_targets:
                raise ValueError(
                    "`y` must be given: the model learns from targets, one for each "
                    "text. Received: y=None"
                )
            check_counts((x, y, sample_weight))
            self.check_targets(y)
            y = self.encoded_targets(y)
        return self.readable(x), y, sample_weight

    def _checked_validation(self, data):
        is_parts = isinstance(data, tuple | list) and not all(map(is_text, data))
        if is_parts:
            return self._checked_rows(*data)
        rows = self.rows_of(data)
        return self._checked_rows(rows) if is_rows(rows) else data


def _check_texts(x):
    """Refuse a single text, no text, None among texts, and numbers in their place."""
    if x is None or isinstance(x, str | bytes):
        raise ValueError(
            f"`x` must be a list of texts, also of one. Received: x={x!r:.200}"
        )
    is_ids = isinstance(x, dict) and "token_ids" in x
    columns = columns_of(x) if is_rows(x) else []
    for column in [each for each in columns if isinstance(each, list | np.ndarray)]:
        if not len(column):
            raise ValueError(f"`x` must hold at least one text. Received: x={x!r:.200}")
        for i, row in enumerate([] if is_ids else column):
            if isinstance(row, numbers.Number) or not _may_be_text(row):
                raise ValueError(
                    "`x` must hold texts, or be a dict with `token_ids`. Received: "
                    f"{row!r} in row {i}"
                )


def _may_be_text(row):
    # Arrays and tensors are words, or one text.
    return isinstance(row, str | bytes | list | tuple) or hasattr(row, "shape")


def check_vocabulary(task):
    """Refuse a tokenizer that makes ids for which there is no embedding.

    Args:
        task: `keras_hub.models.Task`.

    Raises:
        ValueError: If its preprocessor has a tokenizer of more tokens than the
            embedding has rows.
    """
    tokenizer = getattr(task.preprocessor, "tokenizer", None)
    if tokenizer is None:
        return
    tokens = tokenizer.vocabulary_size()
    rows = task.backbone.vocabulary_size
    if tokens > rows:
        raise ValueError(
            f"The tokenizer has {tokens} tokens, and the embedding rows for {rows}: "
            "take the tokenizer that the backbone was made with, or make the backbone "
            f"with `vocabulary_size={tokens}`. Received: vocabulary_size={rows}"
        )
