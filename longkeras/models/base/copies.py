"""Models and preprocessors that Keras' own ways of copying an object copy whole."""

import keras

# In the configuration of the optimizer, where Keras looks for nothing.
_OF_TASK = "longkeras"


class UnsharedConfig:
    """Leaves the configuration that `from_config` is given as it is.

    KerasHub puts the parts that it makes into that dictionary, so that a second object
    made from it would share them. Mixin. Must precede the KerasHub class in the bases.
    """

    @classmethod
    def from_config(cls, config):
        """Make an object from what `get_config` returned.

        Args:
            config: dict, which is left as it is.

        Returns:
            An object of this class.
        """
        return super().from_config(_with_own_containers(config))


class Copies(UnsharedConfig):
    """Restores how a model was compiled, and makes room for its optimizer's moments.

    Keras does so only for models whose `compile` is its own, and a task has defaults
    of its own there. What Keras' `compile` does not take is kept within the optimizer's
    configuration: `keras.models.clone_model` makes a plain `keras.Model` of every
    subclass (as of Keras 3.15), and compiles it from the configuration of the task.
    Mixin. Must precede a KerasHub backbone or task in the bases.
    """

    def get_compile_config(self):
        """Return what `compile` was given, for copies and `.keras` files.

        Returns:
            dict, empty for a model that is not compiled.
        """
        config = super().get_compile_config()
        if not config or self.optimizer is None:
            return config
        kept = {"optimizer_built": bool(self.optimizer.built)}
        if getattr(self, "sampler", None) is not None:
            kept["sampler"] = keras.saving.serialize_keras_object(self.sampler)
        optimizer = keras.saving.serialize_keras_object(self.optimizer)
        return {**config, "optimizer": {**optimizer, _OF_TASK: kept}}

    def compile_from_config(self, config):
        """Compile as `get_compile_config` says.

        Args:
            config: dict, which is left as it is.
        """
        optimizer = config.get("optimizer")
        kept = optimizer.get(_OF_TASK, {}) if isinstance(optimizer, dict) else {}
        # Files of earlier versions have them among the others.
        given = keras.saving.deserialize_keras_object({**config, **kept})
        # An optimizer that never took a step has saved no moments to put back.
        optimizer_built = given.pop("optimizer_built", False)
        self.compile(**given)
        if optimizer_built:
            self.optimizer.build(self.trainable_variables)


def _with_own_containers(value):
    """The same values in new dictionaries and lists."""
    if type(value) is dict:
        return {name: _with_own_containers(item) for name, item in value.items()}
    if type(value) is list:
        return [_with_own_containers(item) for item in value]
    return value
