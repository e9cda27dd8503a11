"""Models and preprocessors that Keras' own ways of copying an object copy whole."""

import keras

# Key in the configuration of the optimizer, which Keras ignores.
_OF_TASK = "longkeras"


class UnsharedConfig:
    """Leaves the configuration that `from_config` is given as it is.

    KerasHub puts the parts that it makes into that dictionary, so that a second object
    made from it would share them. Mixin. Must precede the KerasHub class in the bases.
    """

    @classmethod
    def from_config(cls, config):
        """Make an object from the result of `get_config`.

        Args:
            config: dict, which is not changed.

        Returns:
            An object of this class.
        """
        return super().from_config(_with_own_containers(config))


class Copies(UnsharedConfig):
    """Restores how a model was compiled, and the variables of its optimizer.

    Keras does so only for models with its own `compile`, and tasks override it. What
    Keras' `compile` does not take is kept in the optimizer's configuration:
    `keras.models.clone_model` makes a plain `keras.Model` of every subclass (as of
    Keras 3.15), and compiles it from the configuration of the task. A `.keras` file
    holds the state of the optimizer, a preset does not. Mixin. Must precede a KerasHub
    backbone or task in the bases.
    """

    def get_compile_config(self):
        """Return the arguments of `compile`, for copies and `.keras` files.

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
            config: dict, which is not changed.
        """
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
    """The same values in new dictionaries and lists."""
    if type(value) is dict:
        return {name: _with_own_containers(item) for name, item in value.items()}
    if type(value) is list:
        return [_with_own_containers(item) for item in value]
    return value
