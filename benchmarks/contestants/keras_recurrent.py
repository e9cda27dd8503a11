"""LSTMs of longkeras and Keras, on the backend named by KERAS_BACKEND.

On TensorFlow, contestants whose names end in `_xla` are compiled with XLA and the
others run as graphs. JAX always compiles.
"""

import keras
from keras import ops

from benchmarks.contestants.keras_attention import finished
from benchmarks.contestants.recurrent_setting import RecurrentSetting
from benchmarks.registry import Workload
from longkeras.layers import RecurrentStack


def prepare(**point):
    """The workload of a point: `RecurrentSetting`'s arguments."""
    setting = RecurrentSetting(**point)
    is_ours = setting.contestant.startswith("ours")
    layers = _ours(setting) if is_ours else _layers_of_keras(setting)
    model = keras.Sequential([keras.Input((None, setting.units)), *layers])
    model.set_weights(setting.weights())
    inputs, upstream = map(
        ops.convert_to_tensor, (setting.inputs(), setting.upstream())
    )
    make = {"tensorflow": _on_tensorflow, "jax": _on_jax}[keras.backend.backend()]
    step = make(model, setting)
    return Workload(
        run=lambda: finished(step(inputs, upstream)),
        facts=setting.facts(),
        arrays=lambda results: [ops.convert_to_numpy(x) for x in results],
    )


def _ours(setting):
    return [RecurrentStack(setting.units, setting.num_layers)]


def _layers_of_keras(setting):
    return [
        keras.layers.LSTM(setting.units, return_sequences=True)
        for _ in range(setting.num_layers)
    ]


def _on_tensorflow(model, setting):
    import tensorflow as tf

    def forward(inputs, upstream):
        return (model(inputs, training=False),)

    def training(inputs, upstream):
        variables = [weight.value for weight in model.trainable_weights]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = model(inputs, training=True)
        return outputs, *tape.gradient(outputs, [inputs, *variables], upstream)

    return tf.function(
        training if setting.is_training else forward,
        jit_compile=setting.contestant.endswith("_xla"),
        autograph=False,
    )


def _on_jax(model, setting):
    import jax

    others = [x.value for x in model.non_trainable_variables]
    weights = [x.value for x in model.trainable_variables]

    def outputs_of(weights, inputs):
        outputs, _ = model.stateless_call(
            weights, others, inputs, training=setting.is_training
        )
        return outputs

    def forward(weights, inputs, upstream):
        return (outputs_of(weights, inputs),)

    def training(weights, inputs, upstream):
        outputs, pull_back = jax.vjp(outputs_of, weights, inputs)
        gradients, from_inputs = pull_back(upstream)
        return outputs, from_inputs, *gradients

    step = jax.jit(training if setting.is_training else forward)
    return lambda inputs, upstream: step(weights, inputs, upstream)
