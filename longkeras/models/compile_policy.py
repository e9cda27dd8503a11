"""Whether a task is compiled as a whole, where its user leaves the choice."""

import keras

from longkeras.ops.implementations.platform import runs_on_cpu


class CompilePolicy:
    """Takes the quicker way of TensorFlow on a CPU, unless told which.

    There TensorFlow's own graph multiplies wide matrices 1.3 times faster than XLA,
    frees what it no longer needs and compiles in two thirds of the time, while
    attention is a program of XLA's all the same, one for all layers. Everywhere
    else Keras chooses. A mixin, to stand before a `keras_hub.models.Task`.
    """

    _asked_to_jit_compile = "auto"

    def compile(self, *args, jit_compile="auto", **kwargs):
        """Configure training; see the `compile` of the task.

        Args:
            *args: optimizer and loss, see the task.
            jit_compile: bool, whether XLA compiles the model as a whole. Defaults to
                `"auto"`: yes, but not on TensorFlow without a GPU.
            **kwargs: See `keras.Model.compile`.
        """
        self._asked_to_jit_compile = jit_compile
        if jit_compile == "auto" and _prefers_graph():
            jit_compile = False
        super().compile(*args, jit_compile=jit_compile, **kwargs)

    def get_compile_config(self):
        """What `compile` was given: another backend chooses anew."""
        config = super().get_compile_config()
        if config:
            config["jit_compile"] = self._asked_to_jit_compile
        return config


def _prefers_graph():
    return keras.backend.backend() == "tensorflow" and runs_on_cpu()
