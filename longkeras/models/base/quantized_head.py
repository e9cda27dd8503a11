"""Tasks whose heads come back in eight bits too."""

from longkeras.layers.parts import parts_of


class QuantizedHead:
    """Saves which layers of a head were quantized, and makes them so again.

    KerasHub does so for the backbone alone: a quantized head would not fit the layers
    that are made for it. A mixin, to stand before a `keras_hub.models.Task`.
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
