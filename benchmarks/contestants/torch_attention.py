"""Attention of Hugging Face's Longformer and of PyTorch."""

import torch

from benchmarks.contestants.setting import Setting
from benchmarks.registry import Workload


def prepare(**point):
    """The workload of a point: `Setting`'s arguments."""
    setting = Setting(**point)
    if setting.task in ("matmul", "copy"):
        return _ceiling(setting)
    function, to_layout, from_layout = _CONTESTANTS[setting.contestant](setting)
    inputs = [
        to_layout(_tensor(x, setting)).requires_grad_(setting.is_training)
        for x in setting.inputs()
    ]
    upstream = _tensor(setting.upstream(), setting) if setting.is_training else None
    upstream = None if upstream is None else from_layout(upstream, setting)

    def forward():
        with torch.no_grad():
            return _finished((function(*inputs),))

    def training():
        output = function(*inputs)
        gradients = torch.autograd.grad(output, inputs, upstream)
        return _finished((output.detach(), *gradients))

    run = training if setting.is_training else forward
    return Workload(
        run=run,
        facts=setting.facts(),
        peak_rise=peak_rise_on_cuda(run),
        arrays=lambda results: _arrays(setting, results),
    )


def peak_rise_on_cuda(run):
    """Callable for the peak bytes of a call on a GPU; None on a CPU."""
    if not torch.cuda.is_available():
        return None

    def measure():
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        run()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before

    return measure


def _device():
    return "cuda" if torch.cuda.is_available() else "cpu"


def _tensor(array, setting):
    return torch.from_numpy(array).to(_device(), getattr(torch, setting.dtype))


def _finished(results):
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return results


class _Given(torch.nn.Module):
    """Stand-in for a projection that returns precomputed values."""

    def __init__(self, is_divided_in_place=False):
        super().__init__()
        self.is_divided_in_place = is_divided_in_place
        self.tensor = None

    def forward(self, hidden_states):
        # The attention divides its queries in place, so it gets a copy.
        return self.tensor.clone() if self.is_divided_in_place else self.tensor


_PROJECTIONS = (
    "query",
    "key",
    "value",
    "query_global",
    "key_global",
    "value_global",
)


def _huggingface(setting):
    """`LongformerSelfAttention.forward` itself, without its six projections."""
    from transformers import LongformerConfig
    from transformers.models.longformer.modeling_longformer import (
        LongformerSelfAttention,
    )

    config = LongformerConfig(
        hidden_size=setting.num_heads * setting.head_dim,
        num_attention_heads=setting.num_heads,
        num_hidden_layers=1,
        attention_window=[2 * setting.reach],
        attention_probs_dropout_prob=0.0,
    )
    attention = LongformerSelfAttention(config, layer_id=0)
    attention.train(setting.is_training)
    for name in _PROJECTIONS:
        setattr(attention, name, _Given(is_divided_in_place=name.startswith("query")))
    is_global = torch.from_numpy(setting.global_mask()).to(_device())
    positions = is_global[0].nonzero()[:, 0]
    masks = {
        "attention_mask": torch.where(is_global, 10000.0, 0.0),
        "is_index_masked": torch.zeros_like(is_global),
        "is_index_global_attn": is_global,
        "is_global_attn": bool(setting.num_globals),
    }

    def attend(*inputs):
        for name, tensor in zip(_PROJECTIONS, inputs, strict=False):
            picked = tensor[positions] if name == "query_global" else tensor
            getattr(attention, name).tensor = picked
        hidden_states = inputs[0].detach().transpose(0, 1)
        return attention(hidden_states, **masks)[0]  # (batch, length, width)

    return attend, _sequence_first, lambda x, setting: x.flatten(2)


def _sequence_first(x):
    return x.transpose(0, 1).flatten(2).contiguous()  # (length, batch, width)


def _sdpa(setting):
    def attend(query, key, value):
        return torch.nn.functional.scaled_dot_product_attention(
            query, key, value, is_causal=setting.is_causal
        )

    return attend, _heads_first, lambda x, setting: _heads_first(x)


def _flex(setting):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    left, right = setting.reach, 0 if setting.is_causal else setting.reach

    def sees(batch, head, query_index, key_index):
        distance = key_index - query_index
        return (distance >= -left) & (distance <= right)

    length = setting.length
    # Without compilation it computes every pair, too many at the lengths of a GPU.
    make_mask = (
        torch.compile(create_block_mask) if _device() == "cuda" else create_block_mask
    )
    block_mask = make_mask(sees, None, None, length, length, device=_device())
    compiled = torch.compile(flex_attention, dynamic=False)

    def attend(query, key, value):
        return compiled(query, key, value, block_mask=block_mask)

    return attend, _heads_first, lambda x, setting: _heads_first(x)


def _heads_first(x):
    return x.transpose(1, 2).contiguous()  # (batch, heads, length, head_dim)


_CONTESTANTS = {"huggingface": _huggingface, "sdpa": _sdpa, "flex": _flex}


def _arrays(setting, results):
    """Results as `(batch, length, heads, head_dim)`, whatever their layout."""
    shape = (setting.batch, setting.length, setting.num_heads, setting.head_dim)
    output, *gradients = (x.detach().float().cpu() for x in results)
    if setting.contestant == "huggingface":
        gradients = [x.transpose(0, 1) for x in gradients]
        return [x.reshape(shape).numpy() for x in (output, *gradients)]
    return [x.transpose(1, 2).numpy() for x in (output, *gradients)]


def _ceiling(setting):
    if setting.task == "matmul":
        x = _tensor(setting.matrix(), setting)
        step, arguments = torch.matmul, (x, x)
    else:
        x = torch.from_numpy(setting.matrix()).to(_device())
        step, arguments = torch.add, (x, 1)

    def run():
        return _finished((step(*arguments),))

    return Workload(run=run, facts=setting.facts(), peak_rise=peak_rise_on_cuda(run))
