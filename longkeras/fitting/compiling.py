"""When XLA helps a model's training."""

import keras


def should_jit_compile(model):
    """Whether `compile(jit_compile=...)` should be set for a model.

    Transformers gain from XLA on every backend that has it. A recurrent scan is
    quicker in TensorFlow's own graph on CPU, without the wait for the compiler, so
    recurrent models stay out of XLA there.

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
    return backend == "jax" or (backend == "tensorflow" and not recurrent)
