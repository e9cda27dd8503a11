"""Frozen weights: saved as such, and frozen where a task does not read them."""

from longkeras.layers.parts import parts_of


class SavedTrainability:
    """Saves which weights are frozen, and freezes them again.

    KerasHub saves only the `trainable` of a backbone as a whole: a backbone with a few
    frozen layers would be trained in full, and the optimizer's saved state would not
    fit. A task saves it for its head. Mixin. Must precede a KerasHub backbone or task.
    """

    def get_config(self):
        config = super().get_config()
        weights = own_weights(self)
        frozen = [weight.path for weight in weights if not weight.trainable]
        is_in_config = not self.trainable and len(frozen) == len(weights)
        if not frozen or is_in_config:
            return config
        return {
            **config,
            "frozen_weights": {"trainable": self.trainable, "paths": frozen},
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        frozen = config.pop("frozen_weights", None)
        model = super().from_config(config)
        # Not if `from_preset` was given another `trainable`.
        if frozen is not None and model.trainable == frozen["trainable"]:
            _freeze(model, set(frozen["paths"]))
        return model


class UnreadWeights:
    """Freezes the weights of the backbone that a task does not read, on `compile`.

    Such weights get no gradient, which Keras would warn of in every `fit`. Mixin.
    Must precede `keras_hub.models.Task` in the bases.
    """

    _is_restored = False

    def unread_weights(self):
        """Return the backbone's weights that do not affect the outputs: here none."""
        return []

    def compile(self, *args, **kwargs):
        """Configure training; see the `compile` of the task."""
        if not self._is_restored:
            frozen = [each for each in self.unread_weights() if each.trainable]
            for weight in frozen:
                weight.trainable = False
            # Keras must not track this: it is not part of a saved model.
            object.__setattr__(self, "_frozen_by_compile", frozen)
        super().compile(*args, **kwargs)

    def compile_from_config(self, config):
        """Compile a model from a file, which says what is frozen.

        Files of earlier versions hold the optimizer's state of unread weights too.
        """
        for weight in getattr(self, "_frozen_by_compile", []):
            weight.trainable = True
        object.__setattr__(self, "_is_restored", True)
        super().compile_from_config(config)
        object.__setattr__(self, "_is_restored", False)


def own_weights(model):
    """Return the weights of a model without those of its backbone, if it has one."""
    backbone = getattr(model, "backbone", None)
    others = set() if backbone is None else {id(each) for each in backbone.weights}
    return [weight for weight in model.weights if id(weight) not in others]


def _freeze(model, paths):
    own = own_weights(model)
    for weight in own:
        weight.trainable = weight.path not in paths
    ids = {id(weight) for weight in own}
    for part in parts_of(model):
        weights = part.weights
        if weights and all(id(each) in ids and not each.trainable for each in weights):
            part.trainable = False
