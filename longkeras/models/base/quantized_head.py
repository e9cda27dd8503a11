"""Heads of tasks: their layers, their weights, and their quantization."""

import keras

from longkeras.layers.parts import parts_of


class QuantizedHead:
    """Saves the head of a task: its weights alone, and which layers are quantized.

    KerasHub restores quantization for the backbone only, so the weights of a quantized
    head would not fit. Mixin. Must precede a `keras_hub.models.Task` in the bases.
    """

    def get_config(self):
        config = super().get_config()
        of_backbone = {id(part) for part in parts_of(self.backbone)}
        modes = {
            part.path: part.quantization_mode
            for part in parts_of(self)
            if part.quantization_mode and id(part) not in of_backbone
        }
        return {**config, "quantized_head": modes} if modes else config

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        modes = config.pop("quantized_head", {})
        task = super().from_config(config)
        for part in list(parts_of(task)):
            if part.path in modes and not part.quantization_mode:
                part.quantize(modes[part.path])
        return task

    def save_task_weights(self, filepath):
        """Save the weights of the head alone; see `keras_hub.models.Task`.

        KerasHub also saves the state of the optimizer, which fits no task that is made
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
        """Load the weights of the head alone; see `keras_hub.models.Task`."""
        others = _beside_the_head(self)
        keras.saving.load_weights(self, filepath, objects_to_skip=others)


def _beside_the_head(task):
    return [task.backbone, *parts_of(task.backbone), task.optimizer]
