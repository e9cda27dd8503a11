"""Tasks that come back compiled as they were saved."""

import keras


class SavedCompilation:
    """Compiles a reloaded task anew, and makes room for its optimizer's moments.

    Keras does so only for models whose `compile` is its own, and a task has defaults
    of its own there. A mixin, to stand before a `keras_hub.models.Task`.
    """

    def get_compile_config(self):
        """What `compile` was given, for a `.keras` file."""
        config = super().get_compile_config()
        if config:
            config["optimizer_built"] = bool(self.optimizer and self.optimizer.built)
        return config

    def compile_from_config(self, config):
        """Compiles as `get_compile_config` says; KerasHub's own would not."""
        config = keras.saving.deserialize_keras_object(config)
        # An optimizer that never took a step has saved no moments to put back.
        optimizer_built = config.pop("optimizer_built")
        self.compile(**config)
        if optimizer_built:
            self.optimizer.build(self.trainable_variables)
