"""The compiled loop of `generate`: steps of a model, choices of a sampler."""

import numpy as np
from keras import ops

from longkeras.models.generation.token_choice import (
    allowed_logits,
    choose_tokens,
    chooses_token_by_token,
)


def sampling_function(model, sampler, stop_token_ids, forbidden):
    """The function that `DecodingCausalLM.compiled_sampling` compiles.

    A row whose text is over, by a stop token, a stop sequence or its length, is filled
    up with the id `vocabulary_size`, which is certain there: what would come after a
    text has no part in the choice among beams, and one row none in another.

    Args:
        model: `longkeras.models.generation.causal_lm.DecodingCausalLM`.
        sampler: `keras_hub.samplers.Sampler`, see `usable_sampler`.
        stop_token_ids: tuple of int, or None.
        forbidden: tuple of int. Ids that are never written.

    Returns:
        callable of token ids `(batch, width)`, the first column to fill, the column
        `(batch,)` at which each row's text is over, the cache, stop sequences or
        None, the sampler's draws `(tokens, batch, ...)` and hidden states or None;
        gives token ids `(batch, width)`.
    """
    size = model.backbone.vocabulary_size
    stop_ids = tuple(stop_token_ids or ())

    def sample(token_ids, start, ends, cache, stops, draws, hidden_states):
        def is_over(prompt, ends, index):
            last = _last(prompt, index, 1)[:, 0]
            is_end = last == size
            for stop_id in stop_ids:
                is_end = ops.logical_or(is_end, last == stop_id)
            is_end = ops.logical_and(is_end, index > start)
            if stops is not None:
                is_end = ops.logical_or(
                    is_end, _is_stopped(prompt, index, start, stops)
                )
            return ops.logical_or(is_end, index >= ends)

        def next_logits(prompt, cache, index):
            token = ops.minimum(_last(prompt, index, 1)[:, 0], size - 1)
            logits, hidden, cache = _step_after(model, token, cache, index == start)
            logits = allowed_logits(logits, forbidden, sampler.temperature)
            return logits, hidden, cache

        if chooses_token_by_token(sampler):
            return _written(
                sampler,
                size,
                next_logits,
                is_over,
                token_ids,
                start,
                ends,
                cache,
                draws,
            )

        def next_or_over(prompt, cache, index):
            # A beam sampler has more rows than the prompts; the ends go with them.
            row_ends = cache["ends"]
            logits, hidden, cache = next_logits(prompt, cache, index)
            logits = _or_over(logits, is_over(prompt, row_ends, index))
            return logits, hidden, cache

        columns = ops.arange(token_ids.shape[1], dtype="int32")
        return sampler(
            next=next_or_over,
            prompt=token_ids,
            cache={**cache, "ends": ends},
            index=start,
            mask=ops.broadcast_to(columns < start, token_ids.shape),
            stop_token_ids=(*stop_ids, size),
            hidden_states=hidden_states,
            model=model,
        )

    return sample


def _written(sampler, size, next_logits, is_over, token_ids, start, ends, cache, draws):
    """Token after token, each row from draws of its own."""

    def goes_on(token_ids, _cache, index):
        return ops.logical_not(ops.all(is_over(token_ids, ends, index)))

    def write(token_ids, cache, index):
        logits, _, cache = next_logits(token_ids, cache, index)
        row_draws = [ops.take(x, index - start, axis=0) for x in draws]
        chosen = choose_tokens(sampler, row_draws, logits)  # (batch,)
        chosen = ops.where(is_over(token_ids, ends, index), size, chosen)
        token_ids = ops.slice_update(token_ids, [0, index], chosen[:, None])
        return token_ids, cache, index + 1

    token_ids, _, _ = ops.while_loop(goes_on, write, (token_ids, cache, start))
    return token_ids


def _step_after(model, token, cache, is_first):
    """A step, or where the whole prompt was read, first of all its last logits."""

    def step():
        logits, hidden, state = model.step(token, cache["state"])
        return logits, hidden, {**cache, "state": state}

    def known():
        shape = (ops.shape(token)[0], model.backbone.hidden_dim)
        hidden = ops.zeros(shape, dtype=cache["logits"].dtype)
        return cache["logits"], hidden, cache

    if "logits" not in cache:
        return step()
    return ops.cond(is_first, known, step)


def _or_over(logits, is_over):
    """Logits with one more token, which is certain where a row is over."""
    is_over = is_over[:, None]  # (rows, 1)
    logits = ops.where(is_over, -np.inf, logits)
    return ops.concatenate([logits, ops.where(is_over, 0.0, -np.inf)], axis=-1)


def _is_stopped(prompt, index, start, stops):
    """Return whether a stop sequence has just been completed, `(rows,)`."""
    recent = _last(prompt, index, stops.shape[1])
    is_equal = ops.logical_or(recent[:, None] == stops, stops < 0)
    is_written = ops.sum(ops.cast(stops >= 0, "int32"), axis=1) <= index - start
    is_met = ops.logical_and(ops.all(is_equal, axis=-1), is_written)
    return ops.any(is_met, axis=1)


def _last(prompt, index, length):
    """The columns before `index`, `(rows, length)`."""
    return ops.slice(prompt, [0, index - length], [ops.shape(prompt)[0], length])
