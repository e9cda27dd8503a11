"""Whether XLA compiles a model as a whole: what is known, and the choice of tasks."""

import keras

from longkeras.ops.implementations.platform import runs_on_cpu


def xla_helps(model):
    """Whether XLA makes a model's training quicker.

    JAX has nothing else, and PyTorch no XLA. On a CPU TensorFlow's own graph
    multiplies wide matrices 1.3 times faster than XLA and frees what it no longer
    needs, while attention is a program of XLA's all the same, one for all layers.
    Recurrent models stay out of XLA on TensorFlow: the backend's own layers serve them.

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
    """Leaves XLA out where it does not help, unless told what to do.

    A mixin, to stand before a `keras_hub.models.Task`.
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
        """What `compile` was given: another backend chooses anew."""
        config = super().get_compile_config()
        if config:
            config["jit_compile"] = self._asked_to_jit_compile
        return config
