"""LoRA that is saved in `.keras` files, in presets, and in files of its own."""

import weakref

import keras

from longkeras.argument_checks import whole_number
from longkeras.atomic_files import replaced_file
from longkeras.layers.parts import parts_of
from longkeras.models.base.arguments import check_supported
from longkeras.models.base.frozen_weights import own_weights
from longkeras.safe_files.variable_arrays import add_variables, added_arrays
from longkeras.safe_files.weights import stored_bytes

# Groups of a `.lora.h5` file.
_TRAINED, _TRAINED_HEAD = "trained", "trained_head"


class LowRankAdaptation:
    """LoRA on queries and values, those of global tokens included, with frozen biases.

    Models load from `.keras` files and presets with their factors, ready for further
    training. Mixin. Must precede `keras_hub.models.Backbone` in the bases.
    """

    def default_lora_layer_names(self):
        """Return the names of the layers that `enable_lora` adapts by default."""
        return ["query", "value", "global_query", "global_value"]

    def enable_lora(self, rank, target_layer_names=None):
        """Freeze the backbone, and train low-rank factors beside some kernels.

        Args:
            rank: int. Rank of the factors.
            target_layer_names: list of str. Names of dense layers, such as `"key"`
                or `"intermediate"`. Defaults to `None`, `default_lora_layer_names()`.

        Raises:
            ValueError: If the rank is below 1, the backbone has no such layers, or its
                family does not support LoRA.
        """
        check_supported(
            self, "enable_lora", rank=rank, target_layer_names=target_layer_names
        )
        whole_number("rank", rank, 1)
        names = list(target_layer_names or self.default_lora_layer_names())
        found = {part.name for part in parts_of(self)}
        if not found.intersection(names):
            raise ValueError(
                "`target_layer_names` must name dense layers of the backbone. "
                f"Received: target_layer_names={names}"
            )
        super().enable_lora(rank, names)
        for part in adapted_parts(self):
            if getattr(part, "bias", None) is not None:
                part.bias.trainable = False
        # Keras does not track this layer; saving visits it as an attribute, after the
        # layers.
        object.__setattr__(self, "_adapted_state", _AdaptedState(self))
        object.__setattr__(self, "_lora_target_layer_names", names)

    def save_lora_weights(self, filepath):
        """Save the low-rank factors, and all other trained weights of the backbone.

        The `save_lora_weights` of a task saves its head too.

        Args:
            filepath: str or path, which ends in `.lora.h5`.

        Raises:
            ValueError: If the path ends in something else, or `enable_lora` was not
                called.
        """
        if not str(filepath).endswith(".lora.h5"):
            raise ValueError(
                "`filepath` must end in `.lora.h5`. Received: "
                f"filepath={str(filepath)!r}"
            )
        if not hasattr(self, "_adapted_state"):
            raise ValueError(
                "`save_lora_weights` saves what was trained after `enable_lora`, which "
                f"must be called first. Received: {self.name} without low-rank factors"
            )
        trained = _trained_weights(self)
        with replaced_file(filepath, stored_bytes(trained)) as place:
            add_variables(
                place,
                _TRAINED,
                trained,
                rank=self._lora_rank,
                target_layer_names=self._lora_target_layer_names,
            )

    def load_lora_weights(self, filepath):
        """Load what `save_lora_weights` saved; `enable_lora` need not be called before.

        Args:
            filepath: str or path, which ends in `.lora.h5`.

        Raises:
            ValueError: If `enable_lora` was called with another rank or other layers,
                or the file has weights that the backbone does not have.
        """
        found = added_arrays(filepath, _TRAINED)
        if found is None:
            # KerasHub's format, which longkeras 0.1 wrote, holds the factors alone.
            super().load_lora_weights(str(filepath))
            return
        arrays, attributes = found
        saved = int(attributes["rank"]), list(attributes["target_layer_names"])
        if not hasattr(self, "_adapted_state"):
            self.enable_lora(*saved)
        enabled = self._lora_rank, self._lora_target_layer_names
        if saved != enabled:
            raise ValueError(
                "`filepath` must hold factors of the rank and the layers that "
                f"`enable_lora` was given, {enabled}. Received: filepath={filepath} "
                f"with {saved}"
            )
        _assign(arrays, self, filepath)

    def get_config(self):
        config = super().get_config()
        if not hasattr(self, "_adapted_state"):
            return config
        return {
            **config,
            "lora_rank": self._lora_rank,
            "lora_target_layer_names": self._lora_target_layer_names,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        rank = config.pop("lora_rank", None)
        names = config.pop("lora_target_layer_names", None)
        backbone = super().from_config(config)
        if rank is not None:
            backbone.enable_lora(rank, names)
        return backbone


class AdaptedTask:
    """Saves a head with low-rank factors. Mixin. Must precede a KerasHub task."""

    def save_lora_weights(self, filepath):
        """Save factors, head and all other trained weights; see the backbone's."""
        head = [weight for weight in own_weights(self) if weight.trainable]
        needed = stored_bytes([*_trained_weights(self.backbone), *head])
        with replaced_file(filepath, needed) as place:
            self.backbone.save_lora_weights(place)
            add_variables(place, _TRAINED_HEAD, head)

    def load_lora_weights(self, filepath):
        """Load what `save_lora_weights` saved, on the same base weights."""
        # A file that a backbone saved has no head.
        arrays, _ = added_arrays(filepath, _TRAINED_HEAD) or ([], {})
        self.backbone.load_lora_weights(filepath)
        _assign(arrays, self, filepath)


class _AdaptedState(keras.layers.Layer):
    """Saves the weights of adapted layers unmerged, in every file of weights.

    Keras saves the merged kernel of a layer with LoRA, which a model without LoRA can
    read, and sets both factors to zero when it loads. This state is loaded after the
    layers, and restores kernels and factors.
    """

    def __init__(self, backbone):
        super().__init__(name="adapted_state")
        # A weak reference, which Keras does not track.
        self._backbone = weakref.ref(backbone)

    def save_own_variables(self, store):
        for name, weight in self._named_weights():
            store[name] = weight

    def load_own_variables(self, store):
        if not store.keys():
            self._start_anew()
            return
        for name, weight in self._named_weights():
            weight.assign(store[name])

    def _named_weights(self):
        for number, part in enumerate(adapted_parts(self._backbone())):
            for weight in part.weights:
                yield f"{number}_{weight.name}", weight

    def _start_anew(self):
        """Initialize the factors, after weights of a model without LoRA were loaded."""
        # Keras set both to zero, so neither would get a gradient.
        initializer = keras.initializers.HeUniform()
        for _, weight in self._named_weights():
            if weight.name.startswith("lora") and weight.name.endswith("_a"):
                weight.assign(initializer(weight.shape, weight.dtype))


def adapted_parts(backbone):
    """Return the layers of a backbone that have low-rank factors, as a list."""
    return [part for part in parts_of(backbone) if getattr(part, "lora_enabled", False)]


def _trained_weights(backbone):
    """Return the factors, frozen or not, and all other trainable weights."""
    return [
        weight
        for weight in backbone.weights
        if weight.trainable or weight.name.startswith("lora_")
    ]


def _assign(arrays, model, filepath):
    """Assign the arrays of a file to the weights with the same paths."""
    weights = {weight.path: weight for weight in model.weights}
    wrong = [
        f"{path} {array.shape}"
        for path, array in arrays
        if path not in weights or tuple(weights[path].shape) != array.shape
    ]
    if wrong:
        raise ValueError(
            "`filepath` must hold weights that the model has, in their shapes. "
            f"Received: filepath={filepath} with {wrong}"
        )
    for path, array in arrays:
        weights[path].assign(array)
