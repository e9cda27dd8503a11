"""`torch.nn.LSTM`, eager on the CPU, in its preferred time-major layout."""

import torch

from benchmarks.contestants.recurrent_setting import RecurrentSetting
from benchmarks.registry import Workload


def prepare(**point):
    """The workload of a point: `RecurrentSetting`'s arguments."""
    setting = RecurrentSetting(**point)
    layer = _layer(setting)
    inputs, upstream = (
        torch.from_numpy(x).transpose(0, 1).contiguous()
        for x in (setting.inputs(), setting.upstream())
    )
    inputs.requires_grad_(setting.is_training)

    def forward():
        with torch.no_grad():
            return (layer(inputs)[0],)

    def training():
        outputs, _ = layer(inputs)
        sources = [inputs, *layer.parameters()]
        return outputs.detach(), *torch.autograd.grad(outputs, sources, upstream)

    return Workload(
        run=training if setting.is_training else forward,
        facts=setting.facts(),
        arrays=_arrays,
    )


def _layer(setting):
    layer = torch.nn.LSTM(setting.units, setting.units, setting.num_layers)
    weights = iter(setting.weights())
    with torch.no_grad():
        for number in range(setting.num_layers):
            for name in ("weight_ih", "weight_hh", "bias_ih"):
                value = torch.from_numpy(next(weights).T)
                getattr(layer, f"{name}_l{number}").copy_(value)
            getattr(layer, f"bias_hh_l{number}").zero_()
    return layer.train(setting.is_training)


def _arrays(results):
    """Convert to the layout of Keras: batch first, kernels transposed, one bias."""
    sequences, weights = results[:2], results[2:]
    without_second_bias = [x for i, x in enumerate(weights) if i % 4 != 3]
    return [
        *(x.transpose(0, 1).numpy() for x in sequences),
        *(x.numpy().T for x in without_second_bias),
    ]
