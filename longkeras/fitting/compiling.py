"""When XLA helps a model's training."""

import keras

from longkeras.ops.implementations.platform import runs_on_cpu


def should_jit_compile(model):
    """Whether `compile(jit_compile=...)` should be set for a model.

    On a CPU TensorFlow's own graph is as fast, without the wait for the compiler, and
    attention is a program of XLA's all the same. Recurrent models stay out of XLA on
    TensorFlow everywhere.

    Args:
        model: `longkeras.models.TransformerCausalLM` or `RecurrentCausalLM`.

    Returns:
        bool.

    Example:

    ```python
    import keras
    from longkeras.fitting import should_jit_compile
    from longkeras.models import RecurrentBackbone, RecurrentCausalLM

    model = RecurrentCausalLM(
        RecurrentBackbone(vocabulary_size=259, num_layers=1, hidden_dim=8)
    )
    assert should_jit_compile(model) == (keras.backend.backend() == "jax")
    ```
    """
    backend = keras.backend.backend()
    recurrent = hasattr(model.backbone, "recurrent_stack")
    if backend == "tensorflow":
        return not recurrent and not runs_on_cpu()
    return backend == "jax"
