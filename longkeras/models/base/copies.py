"""Models and preprocessors that Keras' own ways of copying an object copy whole."""

import keras

# Key in the configuration of the optimizer, which Keras ignores.
_OF_TASK = "longkeras"


class UnsharedConfig:
    """Leaves the dictionary that `from_config` is given unchanged.

    KerasHub puts the objects that it makes into it, so that a second object made from
    it would share them. Mixin. Must precede the KerasHub class in the bases.
    """

    @classmethod
    def from_config(cls, config):
        """Create an object from the result of `get_config`."""
        return super().from_config(_with_own_containers(config))


class Copies(UnsharedConfig):
    """Restores the compilation of a model and the variables of its optimizer.

    Keras does so only for models without a `compile` of their own. What Keras'
    `compile` does not take is kept in the optimizer's configuration, because
    `keras.models.clone_model` (as of Keras 3.15) makes a plain `keras.Model` of every
    subclass and compiles it from the configuration of the task. A `.keras` file holds
    the state of the optimizer, a preset does not. Mixin. Must precede a KerasHub
    backbone or task in the bases.
    """

    def get_compile_config(self):
        """Return the arguments of `compile`; empty for a model that is not compiled."""
        config = super().get_compile_config()
        if not config or self.optimizer is None:
            return config
        kept = {"optimizer_built": bool(self.optimizer.built)}
        if getattr(self, "sampler", None) is not None:
            kept["sampler"] = keras.saving.serialize_keras_object(self.sampler)
        optimizer = keras.saving.serialize_keras_object(self.optimizer)
        return {**config, "optimizer": {**optimizer, _OF_TASK: kept}}

    def compile_from_config(self, config):
        """Compile with the result of `get_compile_config`."""
        optimizer = config.get("optimizer")
        kept = optimizer.get(_OF_TASK, {}) if isinstance(optimizer, dict) else {}
        # Files of earlier versions have them among the others.
        given = keras.saving.deserialize_keras_object({**config, **kept})
        # An optimizer that never took a step has saved no variables to restore.
        optimizer_built = given.pop("optimizer_built", False)
        self.compile(**given)
        if optimizer_built:
            self.optimizer.build(self.trainable_variables)


def _with_own_containers(value):
    """Copy nested dictionaries and lists, with the same values."""
    if type(value) is dict:
        return {name: _with_own_containers(item) for name, item in value.items()}
    if type(value) is list:
        return [_with_own_containers(item) for item in value]
    return value
