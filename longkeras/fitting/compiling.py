"""Compilation of models for training, with XLA where it helps."""

# Measured in training/LOG.md; compiling takes half a minute.
_NARROW, _MANY_STEPS = 256, 1000


def should_jit_compile(model, num_steps=None):
    """Return whether to set `compile(jit_compile=...)` for a model.

    JAX always compiles with XLA. On a CPU, TensorFlow's own graph is as fast for wide
    models and needs no compilation; attention is compiled by XLA in any case. Narrow
    models spend much time between small matrix products, also in the optimizer: XLA
    makes their steps 1.5 to 1.7 times faster, which makes up for the compilation within
    a thousand steps.

    Args:
        model: `longkeras.models.TransformerCausalLM` or `RecurrentCausalLM`.
        num_steps: int. Steps of the training run. Defaults to `None`: too few for the
            compilation to pay off.

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
    # Slow to import; with a model it is already imported.
    import keras

    from longkeras.models.base.compile_defaults import xla_helps
    from longkeras.ops.backend.device import runs_on_cpu

    if xla_helps(model):
        return True
    if num_steps is None or num_steps < _MANY_STEPS:
        return False
    # On a GPU, XLA would keep recurrent layers from using cuDNN.
    return (
        keras.backend.backend() == "tensorflow"
        and runs_on_cpu()
        and model.backbone.hidden_dim < _NARROW
    )


def compile_for_training(model, settings, jit_compile=None):
    """Compile a model that predicts a class at each token.

    Args:
        model: `keras.Model` that returns logits.
        settings: `longkeras.fitting.OptimizerSettings`.
        jit_compile: bool or `"auto"`. Defaults to `None`: the result of
            `should_jit_compile`.

    Example:

    ```python
    import keras
    from longkeras.fitting import OptimizerSettings, compile_for_training
    from longkeras.models import RecurrentBackbone, RecurrentCausalLM

    model = RecurrentCausalLM(
        RecurrentBackbone(vocabulary_size=259, num_layers=1, hidden_dim=8)
    )
    settings = OptimizerSettings(
        learning_rate=0.01,
        steps=100,
        warmup_steps=10,
        decay_fraction=0.2,
        weight_decay=0.01,
        clip_norm=1.0,
        optimizer="muon",
    )
    compile_for_training(model, settings)
    assert isinstance(model.optimizer, keras.optimizers.Muon)
    ```
    """
    import keras

    if jit_compile is None:
        jit_compile = should_jit_compile(model, settings.steps)
    model.compile(
        optimizer=settings.build_optimizer(),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[],
        jit_compile=jit_compile,
    )
