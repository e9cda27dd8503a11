"""`generate` with samplers that search, such as beam search, in KerasHub's loop."""

import contextlib

import keras
import keras_hub
import numpy as np
from keras import ops

from longkeras.models.generation.compiled_decoding import bucketed, row_is_over
from longkeras.models.generation.token_choice import allowed_logits
from longkeras.text.token_loop import CHUNK_LENGTH, read_prompts


def search(model, sampler, prompts, options, encoder_inputs):
    """Continue prompts with a sampler that has a loop of its own.

    Args:
        model: `longkeras.models.generation.causal_lm.DecodingCausalLM`.
        sampler: `keras_hub.samplers.Sampler`.
        prompts: `longkeras.text.token_loop.Prompts`, padded to the longest text.
        options: `GenerationOptions`.
        encoder_inputs: dict of tensors, empty for a decoder-only model.

    Returns:
        list of lists of int, the continuations, filled up with the id
        `vocabulary_size`.
    """
    stops = options.stop_array()
    # Columns in front, in which to look back for a stop sequence.
    layout = _Layout(prompts, margin=0 if stops is None else stops.shape[1])
    cache, hidden_states = _read(model, sampler, prompts, layout, encoder_inputs)
    function = _search_function(model, sampler, options.stop_token_ids)
    with _seeded(sampler, options.seed):
        token_ids = model.compiled_search(options.stop_token_ids, function)(
            ops.convert_to_tensor(layout.token_ids),
            ops.convert_to_tensor(layout.start, dtype="int32"),
            {**cache, "ends": ops.convert_to_tensor(layout.ends, dtype="int32")},
            stops,
            hidden_states,
        )
    token_ids = ops.convert_to_numpy(token_ids)
    return [
        row[layout.start : end].tolist()
        for row, end in zip(token_ids, layout.ends, strict=True)
    ]


class _Layout:
    """Prompts aligned to end in one column, from which all rows are continued.

    The number of columns is rounded up, and generation ends with the last one, so that
    the loop makes no useless step.
    """

    def __init__(self, prompts, margin):
        lengths = prompts.lengths[:, None]
        max_length = prompts.token_ids.shape[1]
        room = max_length - int(lengths.min())
        self.width = bucketed(int(lengths.max()) + room + margin)
        self.start = self.width - room
        shift = self.start - lengths  # column of each row's first token
        self.ends = shift[:, 0] + max_length  # the column after its last
        places = np.arange(self.width) - shift
        self.places = np.clip(places, 0, lengths - 1)
        is_token = (places >= 0) & (places < lengths)
        token_ids = np.take_along_axis(prompts.token_ids, self.places, axis=1)
        self.token_ids = np.where(is_token, token_ids, 0)


def _read(model, sampler, prompts, layout, encoder_inputs):
    """Read all but what the first step reads: `(cache, hidden states or None)`."""
    length = model.state_length(prompts.token_ids.shape[1])
    arguments = prompts.state_arguments()
    if encoder_inputs:
        arguments["encoder_state"] = model.compiled_encode(encoder_inputs)
    state = model.initial_state(len(prompts.lengths), length, **arguments)
    keeps_hidden = _needs_hidden_states(sampler)
    # Global queries are computed in the prompt only, so its last token is read there.
    is_read_whole = keeps_hidden or prompts.global_mask is not None
    read = prompts if is_read_whole else prompts.without_last()
    parts, logits = [], None
    chunk_length = min(CHUNK_LENGTH, length)
    for chunk in read_prompts(model.compiled_prefill, read, state, chunk_length):
        logits, hidden, state = chunk
        if keeps_hidden:
            parts.append(ops.convert_to_numpy(hidden))
    cache = {"state": model.without_prompt(state)}
    if is_read_whole:
        cache["logits"] = logits
    if not keeps_hidden:
        return cache, None
    # Columns before a prompt repeat its first state, which changes no maximum.
    hidden_states = np.take_along_axis(
        np.concatenate(parts, axis=1), layout.places[:, :, None], axis=1
    )
    return cache, ops.convert_to_tensor(hidden_states)


def _needs_hidden_states(sampler):
    # Beam search reads logits only.
    beam_search = keras_hub.samplers.BeamSampler.__call__
    plain = keras_hub.samplers.Sampler.__call__, beam_search
    return type(sampler).__call__ not in plain


def _search_function(model, sampler, stop_token_ids):
    """Return the function that `compiled_search` compiles.

    A row that is over, by a stop token, a stop sequence or its length, is filled up
    with the id `vocabulary_size`, whose probability is 1 there: a text that has ended
    keeps its score among beams, and no row affects another.
    """
    size = model.backbone.vocabulary_size
    forbidden = model.forbidden(stop_token_ids)

    def sample(token_ids, start, cache, stops, hidden_states):
        def next_or_over(prompt, cache, index):
            # Beam search repeats the rows of a prompt, and their ends with them.
            is_over = row_is_over(
                prompt, index, start, cache["ends"], size, stop_token_ids, stops
            )
            last = ops.slice(prompt, [0, index - 1], [ops.shape(prompt)[0], 1])[:, 0]
            last = ops.minimum(last, size - 1)
            logits, hidden, cache = _step_after(model, last, cache, index == start)
            logits = allowed_logits(logits, forbidden, sampler.temperature)
            return _or_over(logits, is_over), hidden, cache

        columns = ops.arange(token_ids.shape[1], dtype="int32")
        return sampler(
            next=next_or_over,
            prompt=token_ids,
            cache=cache,
            index=start,
            mask=ops.broadcast_to(columns < start, token_ids.shape),
            stop_token_ids=(*(stop_token_ids or ()), size),
            hidden_states=hidden_states,
            model=model,
        )

    return sample


def _step_after(model, token_ids, cache, is_first):
    """Call `step`, or take the last logits of a prompt that was read whole."""

    def step():
        logits, hidden, state = model.step(token_ids, cache["state"])
        return logits, hidden, {**cache, "state": state}

    def known():
        shape = (ops.shape(token_ids)[0], model.backbone.hidden_dim)
        hidden = ops.zeros(shape, dtype=cache["logits"].dtype)
        return cache["logits"], hidden, cache

    if "logits" not in cache:
        return step()
    return ops.cond(is_first, known, step)


def _or_over(logits, is_over):
    """Append a token to the logits, which is certain where a row is over."""
    is_over = is_over[:, None]  # (rows, 1)
    logits = ops.where(is_over, -np.inf, logits)
    return ops.concatenate([logits, ops.where(is_over, 0.0, -np.inf)], axis=-1)


@contextlib.contextmanager
def _seeded(sampler, seed):
    """Let the sampler draw from a seed, and restore its own state afterwards."""
    if seed is None:
        yield
        return
    before = [ops.convert_to_numpy(variable) for variable in sampler.variables]
    try:
        for variable in sampler.variables:
            variable.assign(keras.random.SeedGenerator(seed).state)
        yield
    finally:
        for variable, value in zip(sampler.variables, before, strict=True):
            variable.assign(value)
