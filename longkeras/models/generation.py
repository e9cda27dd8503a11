"""Generates for a batch: prompts read in chunks, then one compiled loop."""

import contextlib
import dataclasses

import keras
import keras_hub
import numpy as np
from keras import ops

from longkeras.models.prompt_reading import CHUNK_LENGTH, Prompts, bucketed, read

# Stop strings and their lengths, in steps of so many.
_STOPS, _STOP_LENGTH = 4, 16
_NEVER = -1e9


@dataclasses.dataclass(frozen=True)
class GenerationOptions:
    """How a batch is continued.

    Args:
        stop_token_ids: tuple of ids that end a row, or None. Defaults to `None`.
        stop_sequences: tuple of tuples of ids, each of which ends a row before its
            first. Defaults to `()`.
        seed: int. Of the sampler; None for its own. Defaults to `None`.
        num_global_tokens: int. The first tokens of each prompt that are global.
            Defaults to `0`.
    """

    stop_token_ids: tuple | None = None
    stop_sequences: tuple = ()
    seed: int | None = None
    num_global_tokens: int = 0

    @classmethod
    def of(cls, stop_token_ids):
        """What `generate_step` was given, as options."""
        if isinstance(stop_token_ids, cls):
            return stop_token_ids
        return cls(None if stop_token_ids is None else tuple(stop_token_ids))


def stop_texts(stop):
    """A list of stop strings, none of them empty.

    Args:
        stop: str, list of str, or None.

    Returns:
        list of str.

    Raises:
        ValueError: If one of them is empty or no string.
    """
    stops = [stop] if isinstance(stop, str) else list(stop or [])
    if not all(isinstance(x, str) and x for x in stops):
        raise ValueError(
            "`stop` must be a string or a list of strings, none of them empty. "
            f"Received: stop={stop!r}"
        )
    return stops


def check_global_tokens(model, is_given):
    """Raise if tokens shall be global in a model that has no projections for them."""
    if is_given and not getattr(model.backbone, "use_global_attention", False):
        raise ValueError(
            "`num_global_tokens` and `global_attention_mask` need a backbone that was "
            "made with `use_global_attention=True`. Received: "
            f"a {type(model.backbone).__name__} without it"
        )


def generate_batch(model, inputs, options):
    """Continue the prompts of a batch.

    Args:
        model: `longkeras.models.decode_state.DecodingCausalLM`.
        inputs: dict of `token_ids` and `padding_mask`, `(batch, max_length)`, and
            perhaps `global_attention_mask`.
        options: `GenerationOptions`.

    Returns:
        dict of `token_ids` and `padding_mask` `(batch, max_length)`: in every row the
        prompt first, then what was generated.
    """
    given_mask = inputs.get("global_attention_mask")
    check_global_tokens(model, options.num_global_tokens or given_mask is not None)
    prompts = Prompts.of(
        inputs["token_ids"],
        inputs["padding_mask"],
        given_mask,
        options.num_global_tokens,
    )
    max_length = prompts.token_ids.shape[1]
    layout = _Layout(prompts, max_length, options.stop_sequences)
    token_ids = layout.token_ids
    if layout.start < layout.width:
        cache, hidden_states = _read_prompts(model, prompts, max_length, layout)
        with _seeded(model.sampler, options.seed):
            token_ids = model.compiled_sampling(options.stop_token_ids)(
                *map(ops.convert_to_tensor, (token_ids, layout.is_prompt)),
                ops.convert_to_tensor(layout.start, dtype="int32"),
                cache,
                _stop_array(options.stop_sequences),
                hidden_states,
            )
    token_ids = layout.rows(np.array(ops.convert_to_numpy(token_ids)))
    mask = _text_mask(token_ids, prompts.lengths, options)
    token_ids[~mask] = 0
    return {
        "token_ids": ops.convert_to_tensor(token_ids, dtype="int32"),
        "padding_mask": ops.convert_to_tensor(mask),
    }


class _Layout:
    """Prompts with their ends above each other, so that all rows begin at once.

    The columns are as many as a bucket has; what is to be generated ends with the
    last, so that the loop makes no step too many.
    """

    def __init__(self, prompts, max_length, stop_sequences):
        lengths = prompts.lengths[:, None]
        room = max_length - int(lengths.min())
        # Looking back for a stop sequence never leaves the row.
        longest = max(map(len, stop_sequences), default=0)
        margin = -(-longest // _STOP_LENGTH) * _STOP_LENGTH
        self.max_length = max_length
        self.width = bucketed(int(lengths.max()) + room + margin)
        self.start = self.width - room
        self.shift = self.start - lengths  # column of each row's first token
        places = np.arange(self.width) - self.shift
        self.places = np.clip(places, 0, lengths - 1)
        self.is_prompt = np.broadcast_to(
            np.arange(self.width) < self.start, places.shape
        )
        is_token = (places >= 0) & (places < lengths)
        token_ids = np.take_along_axis(prompts.token_ids, self.places, axis=1)
        self.token_ids = np.where(is_token, token_ids, 0)

    def rows(self, token_ids):
        """`(batch, max_length)`, the first token of each row in front."""
        return np.take_along_axis(
            token_ids, self.shift + np.arange(self.max_length), axis=1
        )


def _read_prompts(model, prompts, max_length, layout):
    """Read all that the first step does not: `(cache, hidden states or None)`."""
    limit = model.context_length
    length = max_length
    if limit is None or max_length <= limit:
        length = min(bucketed(max_length), limit or max_length * 2)
    state = model.initial_state(len(prompts.lengths), length, **prompts.room())
    keeps_hidden = _needs_hidden_states(model.sampler)
    # A global token is answered in the prompt alone; then the last one is read there.
    is_read_whole = keeps_hidden or prompts.global_mask is not None
    parts, last_logits = [], None
    chunks = read(
        model.prefill_function(),
        prompts if is_read_whole else prompts.without_last(),
        state,
        min(CHUNK_LENGTH, length),
    )
    for ends, logits, hidden_states, new_state in chunks:
        state = new_state
        if keeps_hidden:
            parts.append(ops.convert_to_numpy(hidden_states))
        if is_read_whole:
            is_new = ops.convert_to_tensor(ends)[:, None]
            before = logits if last_logits is None else last_logits
            last_logits = ops.where(is_new, logits, before)
    cache = {"state": model.without_prompt(state)}
    if is_read_whole:
        cache["logits"] = last_logits
    if not keeps_hidden:
        return cache, None
    # In front of a prompt stands its first state again: it is as like as that.
    hidden_states = np.take_along_axis(
        np.concatenate(parts, axis=1), layout.places[:, :, None], axis=1
    )
    return cache, ops.convert_to_tensor(hidden_states)


def _needs_hidden_states(sampler):
    samplers = keras_hub.samplers
    # The others of KerasHub's, and what is written like them, look at logits alone.
    plain = samplers.Sampler.__call__, samplers.BeamSampler.__call__
    return type(sampler).__call__ not in plain


def sampling_function(model, stop_token_ids):
    """The function that `DecodingCausalLM.compiled_sampling` compiles.

    Args:
        model: `longkeras.models.decode_state.DecodingCausalLM`.
        stop_token_ids: tuple of int, or None.

    Returns:
        callable of token ids, the mask of the prompts, the first column to fill, the
        cache, stop sequences or None, and hidden states or None; gives token ids.
    """

    def sample(token_ids, mask, start, cache, stops, hidden_states):
        def next_token(prompt, cache, index):
            # A beam sampler has more rows than the prompts.
            num_rows = ops.shape(prompt)[0]
            token = ops.slice(prompt, [0, index - 1], [num_rows, 1])[:, 0]
            # One that stands for the end of a row that met a stop sequence.
            token = ops.minimum(token, model.backbone.vocabulary_size - 1)
            logits, hidden, cache = _step_after(model, token, cache, index == start)
            if stops is not None:
                logits = _ended(logits, prompt, index, start, stops)
            return logits, hidden, cache

        ends = stop_token_ids
        if stops is not None:
            ends = (*(ends or ()), model.backbone.vocabulary_size)
        return model.sampler(
            next=next_token,
            prompt=token_ids,
            cache=cache,
            index=start,
            mask=mask,
            stop_token_ids=ends,
            hidden_states=hidden_states,
            model=model,
        )

    return sample


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


def _ended(logits, prompt, index, start, stops):
    """Logits with one more token, certain where a stop sequence is complete."""
    num_rows, length = ops.shape(prompt)[0], stops.shape[1]
    recent = ops.slice(prompt, [0, index - length], [num_rows, length])
    is_equal = ops.logical_or(recent[:, None] == stops, stops < 0)
    is_written = ops.sum(ops.cast(stops >= 0, "int32"), axis=1) <= index - start
    is_met = ops.logical_and(ops.all(is_equal, axis=-1), is_written)
    is_met = ops.any(is_met, axis=1)[:, None]  # (rows, 1)
    logits = ops.where(is_met, _NEVER, ops.cast(logits, "float32"))
    end = ops.where(is_met, 0.0, _NEVER)
    return ops.concatenate([logits, end], axis=-1)


def _stop_array(stop_sequences):
    """int32 `(stops, length)`, -1 in front of shorter ones; None if there are none."""
    if not stop_sequences:
        return None
    longest = max(map(len, stop_sequences))
    length = -(-longest // _STOP_LENGTH) * _STOP_LENGTH
    count = -(-len(stop_sequences) // _STOPS) * _STOPS
    # A sequence again is no other.
    sequences = [*stop_sequences, *[stop_sequences[0]] * (count - len(stop_sequences))]
    stops = np.full((count, length), -1, "int32")
    for row, sequence in zip(stops, sequences, strict=True):
        row[length - len(sequence) :] = sequence
    return ops.convert_to_tensor(stops)


def _text_mask(token_ids, lengths, options):
    """bool `(batch, max_length)`: the prompt and what was generated before a stop."""
    mask = np.ones(token_ids.shape, bool)
    for row, length, is_text in zip(token_ids.tolist(), lengths, mask, strict=True):
        is_text[length + _text_length(row[length:], options) :] = False
    return mask


def _text_length(generated, options):
    """Tokens up to the first stop token, which counts, or the first stop sequence."""
    end = len(generated)
    for token_id in options.stop_token_ids or ():
        if token_id in generated:
            end = min(end, generated.index(token_id) + 1)
    met = [
        (place + len(sequence), place)
        for sequence in options.stop_sequences
        for place in range(end - len(sequence) + 1)
        if tuple(generated[place : place + len(sequence)]) == sequence
    ]
    return min(met)[1] if met else end


@contextlib.contextmanager
def _seeded(sampler, seed):
    """Let the sampler draw from a seed, and afterwards go on as before."""
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
