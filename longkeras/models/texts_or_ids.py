"""What `fit`, `evaluate` and `predict` of a task may be given, and what they need."""

import numbers

import numpy as np

from longkeras.models.shuffled_fit import check_counts, columns_of, is_rows


class TextsOrIds:
    """Refuses texts without a preprocessor, and one with more tokens than the model.

    Inputs that are None are left out, since no dataset can carry them. A mixin, to
    stand before a `keras_hub.models.Task` with `CompletedInputs`.
    """

    needs_targets = False

    def fit(self, x=None, y=None, *args, **kwargs):
        """Train; see `keras.Model.fit`.

        Args:
            x: strings or what else the preprocessor takes; without a preprocessor a
                dict of tensors, of which only `token_ids` must be there. Or a dataset
                of pairs of these and `y`.
            y: targets. Defaults to `None`.
            *args: See `keras.Model.fit`.
            **kwargs: See `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.
        """
        if isinstance(kwargs.get("validation_data"), tuple | list):
            given, *targets = kwargs["validation_data"]
            self._check_rows(given, *targets[:1])
            kwargs["validation_data"] = (self.readable(given), *targets)
        self._check_rows(x, y)
        return super().fit(self.readable(x), y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Evaluate; see `keras.Model.evaluate`, and `fit` for `x`."""
        self._check_rows(x, y)
        return super().evaluate(self.readable(x), y, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Predict; see `keras.Model.predict`, and `fit` for `x`."""
        return super().predict(self.readable(x), *args, **kwargs)

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
        _check_vocabulary(self)
        _check_texts(x)
        return x

    def check_targets(self, y):
        """Refuse targets that cannot be meant: here none.

        Args:
            y: See `fit`.
        """

    def _check_rows(self, x, y=None):
        if not is_rows(x):
            return
        if y is None and self.needs_targets:
            raise ValueError(
                "`y` must be given: the model learns from targets, one for each text. "
                "Received: y=None"
            )
        check_counts((x, y))
        self.check_targets(y)


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
            if row is None or isinstance(row, numbers.Number):
                raise ValueError(
                    "`x` must hold texts, or be a dict with `token_ids`. Received: "
                    f"{row!r} in row {i}"
                )
        counts = {len(row) for row in column if isinstance(row, list)}
        if len(counts) > 1:
            raise ValueError(
                "`x` must have rows of one length, or be a ragged tensor "
                f"(`tf.ragged.constant(x)`). Received: rows of {sorted(counts)[:4]}"
            )


def _check_vocabulary(task):
    tokens = task.preprocessor.tokenizer.vocabulary_size()
    rows = task.backbone.vocabulary_size
    if tokens > rows:
        raise ValueError(
            f"The tokenizer has {tokens} tokens, and the embedding rows for {rows}: "
            "take the tokenizer that the backbone was made with, or make the backbone "
            f"with `vocabulary_size={tokens}`. Received: vocabulary_size={rows}"
        )
