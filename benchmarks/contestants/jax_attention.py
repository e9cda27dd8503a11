"""JAX's own attention, which is cuDNN's fused kernel on a GPU."""

import jax
import jax.numpy as jnp

from benchmarks.contestants.setting import Setting
from benchmarks.registry import Workload


def prepare(**point):
    """The workload of a point: `Setting`'s arguments."""
    setting = Setting(**point)
    on_processor = jax.default_backend() == "cpu"
    window = None
    if setting.reach is not None:
        window = (setting.reach, 0 if setting.is_causal else setting.reach)

    def attend(query, key, value):
        return jax.nn.dot_product_attention(
            query,
            key,
            value,
            is_causal=setting.is_causal,
            local_window_size=window,
            implementation="xla" if on_processor else "cudnn",
        )

    def training(upstream, *inputs):
        output, pull_back = jax.vjp(attend, *inputs)
        return output, *pull_back(upstream)

    arguments = [jnp.asarray(x, setting.dtype) for x in setting.inputs()]
    if setting.is_training:
        arguments.insert(0, jnp.asarray(setting.upstream(), setting.dtype))
        step = jax.jit(training)
    else:
        step = jax.jit(lambda *inputs: (attend(*inputs),))
    peak_rise = None
    if not on_processor:
        memory = step.lower(*arguments).compile().memory_analysis()

        def peak_rise():
            return memory.temp_size_in_bytes + memory.output_size_in_bytes

    return Workload(
        run=lambda: jax.block_until_ready(step(*arguments)),
        facts=setting.facts(),
        peak_rise=peak_rise,
        arrays=lambda results: [jnp.asarray(x, "float32") for x in results],
    )
