"""What `fit`, `evaluate` and `predict` of a task may be given, and what they need."""

from longkeras.models.shuffled_fit import is_rows


class TextsOrIds:
    """Refuses texts without a preprocessor, and one with more tokens than the model.

    Inputs that are None are left out, since no dataset can carry them. A mixin, to
    stand before a `keras_hub.models.Task` with `CompletedInputs`.
    """

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
            kwargs["validation_data"] = (self.readable(given), *targets)
        return super().fit(self.readable(x), y, *args, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        """Evaluate; see `keras.Model.evaluate`, and `fit` for `x`."""
        return super().evaluate(self.readable(x), *args, **kwargs)

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
            ValueError: If texts are given and there is no preprocessor, the tokenizer
                has more tokens than the embedding rows, or ids are not as they may be.
        """
        if self.preprocessor is not None:
            _check_vocabulary(self)
            return x
        return self.checked(x) if isinstance(x, dict | str) or is_rows(x) else x


def _check_vocabulary(task):
    tokens = task.preprocessor.tokenizer.vocabulary_size()
    rows = task.backbone.vocabulary_size
    if tokens > rows:
        raise ValueError(
            f"The tokenizer has {tokens} tokens, and the embedding rows for {rows}: "
            "take the tokenizer that the backbone was made with, or make the backbone "
            f"with `vocabulary_size={tokens}`. Received: vocabulary_size={rows}"
        )
