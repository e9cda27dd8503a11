"""Models that come back with the weights frozen that were frozen."""

from longkeras.layers.parts import parts_of


class SavedTrainability:
    """Saves which weights are frozen, and freezes them again.

    KerasHub saves no more than the `trainable` of a backbone as a whole: of one with a
    few frozen layers all weights would be trained again, and the optimizer's saved
    state would not fit them. A mixin, to stand before a `keras_hub.models.Backbone` or
    a `keras_hub.models.Task`, which saves it for its head.
    """

    def get_config(self):
        config = super().get_config()
        weights = _own_weights(self)
        frozen = [weight.path for weight in weights if not weight.trainable]
        is_said = not self.trainable and len(frozen) == len(weights)
        if not frozen or is_said:
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
        # Not so if `from_preset` was told another `trainable`.
        if frozen is not None and model.trainable == frozen["trainable"]:
            _freeze(model, set(frozen["paths"]))
        return model


def _own_weights(model):
    backbone = getattr(model, "backbone", None)
    others = set() if backbone is None else {id(each) for each in backbone.weights}
    return [weight for weight in model.weights if id(weight) not in others]


def _freeze(model, paths):
    own = _own_weights(model)
    for weight in own:
        weight.trainable = weight.path not in paths
    ids = {id(weight) for weight in own}
    for part in parts_of(model):
        weights = part.weights
        if weights and all(id(each) in ids and not each.trainable for each in weights):
            part.trainable = False
