"""Floating-point operations of a training run, counted from its configuration."""

import functools
import math

from longkeras.patterns import (
    BandedPattern,
    attention_cost,
    full_attention_cost,
)
from training.model_configs import build_model


@functools.cache
def weight_counts(config):
    """Count the weights of a configuration's model.

    Args:
        config: `training.model_configs.LanguageModelConfig`.

    Returns:
        Tuple of int: all weights, and those of the backbone that take part in a
        product with every byte.
    """
    model = build_model(config)
    tables = [
        layer.embeddings.shape
        for layer in (model.backbone.ngram_embedding, model.backbone.ngram_heads)
        if layer is not None
    ]
    in_products = model.backbone.count_params() - sum(map(math.prod, tables))
    return model.count_params(), in_products


def training_flops(config, steps):
    """Floating-point operations of the first steps of a run, at each of them.

    Every weight takes part in one multiplication and one addition per byte. This
    includes the embedding, which also gives the logits, but not the tables of n-grams
    and of what followed them, from which rows are only looked up. The gradient costs
    twice as much. Attention adds its two products, without the pairs that a window
    hides. Norms, activations and the optimizer are left out.

    Args:
        config: `training.model_configs.LanguageModelConfig`.
        steps: list of int, rising.

    Returns:
        list of int: the operations up to each of `steps`.
    """
    _, in_products = weight_counts(config)
    of_weights = 2 * in_products
    totals, total, done = [], 0, 0
    for step in steps:
        while done < step:
            length, batch_size, stage_end = config.stage_of(done)
            last = min(step, stage_end)
            forward = of_weights * length + _attention_flops(config, done, length)
            total += 3 * forward * batch_size * (last - done)
            done = last
        totals.append(total)
    return totals


def _attention_flops(config, step, length):
    """The forward pass of attention over one window of a step, all layers."""
    if config.family == "lstm":
        return 0
    heads = config.num_heads, config.hidden_dim // config.num_heads
    windows = config.windows_of(config.stage_number(step))
    if windows is None:
        one = full_attention_cost(length, *heads, causal=True).flops
        return one * config.num_layers
    return sum(
        attention_cost(BandedPattern.causal(window), length, *heads).flops
        for window in windows
    )
