"""Attention of longkeras and Keras, on the backend named by KERAS_BACKEND.

TensorFlow and JAX compile the whole step with XLA; PyTorch runs it eagerly.
"""

import keras
import numpy as np
from keras import ops

from benchmarks.contestants.setting import Setting
from benchmarks.registry import Workload
from longkeras.ops import banded_attention
from longkeras.patterns import BandedPattern


def prepare(**point):
    """The workload of a point: `Setting`'s arguments."""
    setting = Setting(**point)
    if setting.task in ("matmul", "copy"):
        return _ceiling(setting)
    function, extras = _CONTESTANTS[setting.contestant.partition("_")[0]](setting)
    inputs = [ops.cast(x, setting.dtype) for x in setting.inputs()]
    num_inputs = len(inputs)
    extras = [ops.convert_to_tensor(x) for x in extras]
    if setting.is_training:
        upstream = ops.cast(setting.upstream(), setting.dtype)
        step = compiled(_BACKENDS[_backend()](function, num_inputs))
        arguments = [upstream, *inputs, *extras]
    else:
        step = compiled(lambda *tensors: (function(*tensors),))
        arguments = [*inputs, *extras]
    return Workload(
        run=lambda: finished(step(*arguments)),
        facts=setting.facts(),
        peak_rise=peak_rise_on_accelerator(step, arguments),
        arrays=lambda results: [ops.convert_to_numpy(x) for x in results],
    )


def compiled(function):
    """Compile a function with XLA if the backend supports it."""
    if _backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)
    if _backend() == "jax":
        import jax

        return jax.jit(function)
    return _without_gradient(function)


def finished(results):
    """Wait for the results, without copying them."""
    if _backend() == "tensorflow":
        np.asarray(results[-1])
    elif _backend() == "jax":
        import jax

        jax.block_until_ready(results)
    else:
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
    return results


def peak_rise_on_accelerator(step, arguments):
    """Callable for the peak bytes of a step on an accelerator; None on a CPU."""
    if _backend() == "jax":
        import jax

        if jax.default_backend() == "cpu":
            return None
        # JAX does not reset its peak, so ask the compiled program for its memory.
        memory = step.lower(*arguments).compile().memory_analysis()
        return lambda: memory.temp_size_in_bytes + memory.output_size_in_bytes
    if _backend() == "torch":
        from benchmarks.contestants.torch_attention import peak_rise_on_cuda

        return peak_rise_on_cuda(lambda: step(*arguments))
    return None


def _backend():
    return keras.backend.backend()


def _ours(setting):
    right = 0 if setting.is_causal else setting.reach
    pattern = BandedPattern(setting.reach, right)
    if not setting.num_globals:

        def attend(query, key, value):
            return banded_attention(query, key, value, pattern)

        return attend, []

    from longkeras.ops import longformer_attention

    def attend_with_globals(*tensors):
        *inputs, global_mask = tensors
        return longformer_attention(*inputs, pattern, global_mask=global_mask)

    return attend_with_globals, [setting.global_mask()]


def _full(setting):
    def attend(query, key, value):
        return ops.dot_product_attention(query, key, value, is_causal=setting.is_causal)

    return attend, []


def _dense(setting):
    """Attention with the window as a precomputed dense mask."""

    def attend(query, key, value, band):
        return ops.dot_product_attention(query, key, value, mask=band)

    return attend, [setting.band()[None, None]]


def _window(setting):
    """Keras' own layer, whose window size counts the query on each side."""
    layer = keras.layers.MultiHeadAttention(
        setting.num_heads, setting.head_dim, sliding_window=setting.reach + 1
    )
    width = setting.num_heads * setting.head_dim
    layer.build((setting.batch, 8, width), (setting.batch, 8, width))
    # Only attention is compared, so inputs and outputs are not projected.
    for projection in ("query", "key", "value", "output"):
        setattr(layer, f"_{projection}_dense", _unchanged)

    def attend(query, key, value):
        return layer(query, value, key, use_causal_mask=setting.is_causal)

    return attend, []


def _unchanged(x):
    return x


_CONTESTANTS = {"ours": _ours, "full": _full, "dense": _dense, "window": _window}


def _step_on_tensorflow(function, num_inputs):
    import tensorflow as tf

    def step(upstream, *tensors):
        inputs = tensors[:num_inputs]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = function(*tensors)
        return output, *tape.gradient(output, inputs, upstream)

    return step


def _step_on_jax(function, num_inputs):
    import jax

    def step(upstream, *tensors):
        extras = tensors[num_inputs:]
        output, pull_back = jax.vjp(
            lambda *inputs: function(*inputs, *extras), *tensors[:num_inputs]
        )
        return output, *pull_back(upstream)

    return step


def _step_on_torch(function, num_inputs):
    import torch

    def step(upstream, *tensors):
        with torch.enable_grad():
            inputs = [x.detach().requires_grad_() for x in tensors[:num_inputs]]
            output = function(*inputs, *tensors[num_inputs:])
            return output.detach(), *torch.autograd.grad(output, inputs, upstream)

    return step


_BACKENDS = {
    "tensorflow": _step_on_tensorflow,
    "jax": _step_on_jax,
    "torch": _step_on_torch,
}


def _without_gradient(function):
    import torch

    def call(*tensors):
        with torch.no_grad():
            return function(*tensors)

    return call


def _ceiling(setting):
    if setting.task == "matmul":
        x, step = (
            ops.cast(setting.matrix(), setting.dtype),
            compiled(lambda x: (x @ x,)),
        )
    else:
        x, step = ops.convert_to_tensor(setting.matrix()), compiled(lambda x: (x + 1,))
    return Workload(
        run=lambda: finished(step(x)),
        facts=setting.facts(),
        peak_rise=peak_rise_on_accelerator(step, [x]),
    )
