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
            frozen = [each for each in self.unread_weights() if each.trainable]
            for weight in frozen:
                weight.trainable = False
            # Not an attribute that Keras tracks: it is no part of a saved model.
            object.__setattr__(self, "_frozen_by_compile", frozen)
        super().compile(*args, **kwargs)

    def compile_from_config(self, config):
        """Compile a model from a file, which says what is frozen.

        Files of earlier versions hold the optimizer's state of unread weights too.

        Args:
            config: dict. See `keras.Model.compile_from_config`.
        """
        for weight in getattr(self, "_frozen_by_compile", []):
            weight.trainable = True
        object.__setattr__(self, "_is_restored", True)
        super().compile_from_config(config)
        object.__setattr__(self, "_is_restored", False)
