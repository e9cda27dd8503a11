"""LoRA of a backbone, such that what is saved is all that was trained."""

from longkeras.argument_checks import whole_number
from longkeras.layers.parts import parts_of


class LowRankAdaptation:
    """LoRA on queries and values, those of global tokens too, with frozen biases.

    KerasHub saves the low-rank factors alone, so a bias that trained beside them
    would be lost. A mixin, to stand before `keras_hub.models.Backbone`.
    """

    def default_lora_layer_names(self):
        """Names of the layers that `enable_lora` adapts if it is given none.

        Returns:
            list of str.
        """
        return ["query", "value", "global_query", "global_value"]

    def enable_lora(self, rank, target_layer_names=None):
        """Freeze the backbone, and train low-rank factors beside some kernels.

        Args:
            rank: int. Rank of the factors.
            target_layer_names: list of str. Names of dense layers, such as `"key"`
                or `"intermediate"`. Defaults to `None`, what
                `default_lora_layer_names` says.

        Raises:
            ValueError: If the rank is below 1, or the backbone has no such layers.
        """
        whole_number("rank", rank, 1)
        names = target_layer_names or self.default_lora_layer_names()
        found = {part.name for part in parts_of(self)}
        if not found.intersection(names):
            raise ValueError(
                "`target_layer_names` must name dense layers of the backbone. "
                f"Received: target_layer_names={names}"
            )
        super().enable_lora(rank, names)
        for part in parts_of(self):
            if getattr(part, "lora_enabled", False) and part.bias is not None:
                part.bias.trainable = False
