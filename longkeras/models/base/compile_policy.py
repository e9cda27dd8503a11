"""The choice whether XLA compiles a model as a whole."""

import keras

from longkeras.ops.backend.device import runs_on_cpu


def xla_helps(model):
    """Return whether XLA makes a model's training faster.

    JAX has nothing else, and PyTorch no XLA. On a CPU TensorFlow's own graph
    multiplies wide matrices 1.3 times faster than XLA and frees what it no longer
    needs; attention is compiled by XLA in both, once for all layers. Recurrent models
    are not compiled on TensorFlow, which has layers of its own for them.

    Args:
        model: `keras.Model`, a task or not.

    Returns:
        bool.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        return backend == "jax"
    backbone = getattr(model, "backbone", model)
    return not runs_on_cpu() and not hasattr(backbone, "recurrent_stack")


class CompilePolicy:
    """Compiles without XLA where it does not help, unless the user decides.

    Mixin. Must precede a `keras_hub.models.Task`.
    """

    _asked_to_jit_compile = "auto"

    def compile(self, *args, jit_compile="auto", **kwargs):
        """Configure training; see the `compile` of the task.

        Args:
            *args: optimizer and loss, see the task.
            jit_compile: bool, whether XLA compiles the model as a whole. Defaults to
                `"auto"`: where `xla_helps` says so.
            **kwargs: See `keras.Model.compile`.
        """
        self._asked_to_jit_compile = jit_compile
        if jit_compile == "auto" and not xla_helps(self):
            jit_compile = False
        super().compile(*args, jit_compile=jit_compile, **kwargs)

    def get_compile_config(self):
        """Return the arguments of `compile`: another backend chooses again."""
        config = super().get_compile_config()
        if config:
            config["jit_compile"] = self._asked_to_jit_compile
        return config
