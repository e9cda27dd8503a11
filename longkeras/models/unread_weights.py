"""Tasks that do not train the weights of their backbone that they do not read."""


class UnreadWeights:
    """Freezes what the task does not read, when it is compiled.

    Such weights get no gradient, of which Keras would warn at every `fit`. Mixin. Must
    precede `keras_hub.models.Task` in the bases.
    """

    _is_restored = False

    def unread_weights(self):
        """The weights of the backbone on which the task's outputs do not depend.

        Returns:
            list of `keras.Variable`.
        """
        return []

    def compile(self, *args, **kwargs):
        """Configure training; see the `compile` of the task.

        Args:
            *args: See `keras.Model.compile`.
            **kwargs: See `keras.Model.compile`.
        """
        if not self._is_restored:
            for weight in self.unread_weights():
                weight.trainable = False
        super().compile(*args, **kwargs)

    def compile_from_config(self, config):
        """Compile as a file says, which also says what is frozen.

        The optimizer's state fits the weights that were trained when it was saved.

        Args:
            config: dict. See `keras.Model.compile_from_config`.
        """
        self._is_restored = True
        super().compile_from_config(config)
        self._is_restored = False
