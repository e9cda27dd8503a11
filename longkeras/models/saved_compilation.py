"""Tasks that come back compiled as they were saved."""

import keras

from longkeras.layers.parts import parts_of


class SavedCompilation:
    """Compiles a reloaded task anew, and makes room for its optimizer's moments.

    Keras does so only for models whose `compile` is its own, and a task has defaults
    of its own there. A `.keras` file holds the optimizer's state, a preset does not. A
    mixin, to stand before a `keras_hub.models.Task`.
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

    def save_task_weights(self, filepath):
        """Save the weights of the head alone; see `keras_hub.models.Task`.

        KerasHub saves the state of the optimizer too, which fits no task that is made
        from the preset.

        Args:
            filepath: str or path, which ends in `.weights.h5`.

        Raises:
            ValueError: If the task has no weights beside those of its backbone.
        """
        if not self.has_task_weights():
            raise ValueError(
                "`save_task_weights` saves the weights beside those of the backbone. "
                f"Received: {self.name}, which has none"
            )
        others = _beside_the_head(self)
        keras.saving.save_weights(self, filepath, objects_to_skip=others)

    def load_task_weights(self, filepath):
        """Load the weights of the head alone; see `keras_hub.models.Task`.

        Args:
            filepath: str or path, which ends in `.weights.h5`.
        """
        others = _beside_the_head(self)
        keras.saving.load_weights(self, filepath, objects_to_skip=others)


def _beside_the_head(task):
    return [task.backbone, *parts_of(task.backbone), task.optimizer]
