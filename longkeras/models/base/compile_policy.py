"""The choice whether XLA compiles a model as a whole."""

import keras

from longkeras.ops.backend.device import runs_on_cpu


def xla_helps(model):
    """Return whether XLA makes the training of a model faster.

    Always on JAX, which has nothing else, and never on PyTorch. On a CPU, TensorFlow's
    own graph multiplies wide matrices 1.3 times faster and frees memory earlier;
    attention has its own XLA program either way. TensorFlow has fused recurrent
    layers, so recurrent models are not compiled there.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        return backend == "jax"
    backbone = getattr(model, "backbone", model)
    return not runs_on_cpu() and not hasattr(backbone, "recurrent_stack")


class CompilePolicy:
    """Compiles without XLA where it does not help, unless the user decides.

    Mixin. Must precede a `keras_hub.models.Task` in the bases.
    """

    _asked_to_jit_compile = "auto"

    def compile(self, *args, jit_compile="auto", **kwargs):
        """Configure training; see the `compile` of the task.

        `jit_compile="auto"` compiles the model as a whole where `xla_helps` says so.
        """
        self._asked_to_jit_compile = jit_compile
        if jit_compile == "auto" and not xla_helps(self):
            jit_compile = False
        super().compile(*args, jit_compile=jit_compile, **kwargs)

    def get_compile_config(self):
        """Return the arguments of `compile`; `"auto"` stays, for other backends."""
        config = super().get_compile_config()
        if config:
            config["jit_compile"] = self._asked_to_jit_compile
        return config
