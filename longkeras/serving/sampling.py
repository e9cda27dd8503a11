"""Drawing the next token from a model's logits."""

import numpy as np


def draw_token(logits, temperature, top_p, generator):
    """Draw the next token by top-p (nucleus) sampling.

    KerasHub's top-p sampler follows the same rule, but calling it between two steps
    takes as long as a step of a small model.

    Args:
        logits: float array of shape `(vocabulary_size,)`, minus infinity where a token
            is not allowed.
        temperature: float. 0 takes the most probable token.
        top_p: float. Least total probability of the set that is drawn from.
        generator: `numpy.random.Generator`.

    Returns:
        int: a token id.
    """
    token_ids = np.flatnonzero(np.isfinite(logits))
    logits = logits[token_ids].astype("float64")
    if temperature == 0:
        return int(token_ids[logits.argmax()])
    order = np.argsort(-logits, kind="stable")
    with np.errstate(over="ignore"):  # a tiny temperature keeps only the first
        weights = np.exp((logits[order] - logits[order[0]]) / temperature)
    cumulative = np.cumsum(weights / weights.sum())
    # The first token is always kept, then more until they reach `top_p`.
    kept = 1 + int(np.searchsorted(cumulative[:-1], top_p, side="left"))
    draw = generator.random() * cumulative[kept - 1]
    chosen = min(int(np.searchsorted(cumulative, draw, side="right")), kept - 1)
    return int(token_ids[order[chosen]])
