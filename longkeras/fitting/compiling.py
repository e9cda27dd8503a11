"""When XLA helps a model's training."""


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
    # Seconds of import, which who has a model has had.
    from longkeras.models.compile_policy import xla_helps

    return xla_helps(model)
