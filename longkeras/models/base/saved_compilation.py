"""Tasks that come back compiled as they were saved."""

import keras

from longkeras.layers.parts import parts_of
from longkeras.models.base.copies import Copies


class SavedCompilation(Copies):
    """Compiles a reloaded task as it was saved. Must precede a task in the bases.

    A `.keras` file holds the state of the optimizer, a preset does not.
    """

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
