"""When XLA helps a model's training."""

# Measured in training/LOG.md; compiling takes half a minute.
_NARROW, _MANY_STEPS = 256, 1000


def should_jit_compile(model, num_steps=None):
    """Whether `compile(jit_compile=...)` should be set for a model.

    JAX has nothing else. On a CPU TensorFlow's own graph is as fast for wide models,
    without the wait for the compiler, and attention is a program of XLA's all the
    same. Narrow models spend their time between small products, those of the
    optimizer among them: XLA then makes a step 1.5 to 1.7 times quicker, which pays
    for compiling in a thousand steps.

    Args:
        model: `longkeras.models.TransformerCausalLM` or `RecurrentCausalLM`.
        num_steps: int. How many steps it will be trained. Defaults to `None`: too few
            to wait for a compiler.

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
    import keras

    from longkeras.models.compile_policy import xla_helps
    from longkeras.ops.implementations.platform import runs_on_cpu

    if xla_helps(model):
        return True
    if num_steps is None or num_steps < _MANY_STEPS:
        return False
    # With a GPU, cuDNN's recurrent layers stay out of XLA.
    return (
        keras.backend.backend() == "tensorflow"
        and runs_on_cpu()
        and model.backbone.hidden_dim < _NARROW
    )
