"""Generates for a batch: prompts read in chunks, then one compiled loop."""

import contextlib
import dataclasses

import keras
import keras_hub
import numpy as np
from keras import ops

from longkeras.models.generation.prompt_reading import (
    CHUNK_LENGTH,
    Prompts,
    bucketed,
    read,
)
from longkeras.models.generation.row_draws import RowDraws
from longkeras.models.generation.token_choice import (
    chooses_token_by_token,
)

# Stop strings and their lengths, in steps of so many.
_STOPS, _STOP_LENGTH = 4, 16


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
        model: `longkeras.models.generation.causal_lm.DecodingCausalLM`.
        inputs: dict of `token_ids` and `padding_mask`, `(batch, max_length)`, and
            perhaps `global_attention_mask`.
        options: `GenerationOptions`.

    Returns:
        dict of `token_ids` and `padding_mask` `(batch, max_length)`: in every row the
        prompt first, then what was generated.
    """
    rows = [
        prompt + written[: _text_length(written, options)]
        for prompt, written in continued_rows(model, inputs, options)
    ]
    token_ids = np.zeros(np.shape(inputs["token_ids"]), "int32")
    mask = np.zeros(token_ids.shape, bool)
    for i, row in enumerate(rows):
        token_ids[i, : len(row)], mask[i, : len(row)] = row, True
    return {
        "token_ids": ops.convert_to_tensor(token_ids),
        "padding_mask": ops.convert_to_tensor(mask),
    }


def continued_rows(model, inputs, options):
    """Continue the prompts of a batch, and leave in what ended each of them.

    Args:
        model: see `generate_batch`.
        inputs: see `generate_batch`.
        options: `GenerationOptions`.

    Returns:
        list of (prompt, continuation), both lists of int; a continuation includes the
        stop token or the stop sequence that ended it.
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
    texts = [
        row[:length].tolist()
        for row, length in zip(prompts.token_ids, prompts.lengths, strict=True)
    ]
    if layout.start < layout.width:
        token_ids = _written(model, prompts, texts, layout, options)
    rows = layout.rows(np.array(ops.convert_to_numpy(token_ids))).tolist()
    size = model.backbone.vocabulary_size
    continued = []
    for text, row in zip(texts, rows, strict=True):
        written = row[len(text) :]
        end = next((i for i, x in enumerate(written) if x >= size), len(written))
        continued.append((text, written[: _stop_length(written[:end], options)]))
    return continued


def _written(model, prompts, texts, layout, options):
    """Token ids `(batch, width)` of prompts and continuations."""
    sampler = model.usable_sampler(options.stop_token_ids)
    cache, hidden_states = _read_prompts(
        model, sampler, prompts, layout.max_length, layout
    )
    draws, seed = [], options.seed
    if chooses_token_by_token(sampler):
        # The program is one for all that fits into its columns.
        draws, seed = RowDraws(sampler, seed).table(texts, layout.width), None
    with _seeded(sampler, seed):
        return model.compiled_sampling(options.stop_token_ids)(
            ops.convert_to_tensor(layout.token_ids),
            ops.convert_to_tensor(layout.start, dtype="int32"),
            ops.convert_to_tensor(layout.ends, dtype="int32"),
            cache,
            _stop_array(options.stop_sequences),
            draws,
            hidden_states,
        )


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
        self.ends = self.shift[:, 0] + max_length  # and behind its last
        places = np.arange(self.width) - self.shift
        self.places = np.clip(places, 0, lengths - 1)
        is_token = (places >= 0) & (places < lengths)
        token_ids = np.take_along_axis(prompts.token_ids, self.places, axis=1)
        self.token_ids = np.where(is_token, token_ids, 0)

    def rows(self, token_ids):
        """`(batch, max_length)`, the first token of each row in front."""
        return np.take_along_axis(
            token_ids, self.shift + np.arange(self.max_length), axis=1
        )


def _read_prompts(model, sampler, prompts, max_length, layout):
    """Read all that the first step does not: `(cache, hidden states or None)`."""
    limit = model.context_length
    length = max_length
    if limit is None or max_length <= limit:
        length = min(bucketed(max_length), limit or max_length * 2)
    state = model.initial_state(len(prompts.lengths), length, **prompts.room())
    keeps_hidden = _needs_hidden_states(sampler)
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
    # Beams and samplers that choose token by token look at logits alone.
    plain = samplers.Sampler.__call__, samplers.BeamSampler.__call__
    return type(sampler).__call__ not in plain


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


def _text_length(written, options):
    """Tokens up to the first stop token, which counts, or the first stop sequence."""
    end = _stop_length(written, options)
    met = [
        (place + len(sequence), place)
        for sequence in options.stop_sequences
        for place in range(end - len(sequence) + 1)
        if tuple(written[place : place + len(sequence)]) == sequence
    ]
    return min(met)[1] if met else end


def _stop_length(written, options):
    """Tokens up to the first stop token, which counts."""
    stop_ids = set(options.stop_token_ids or ())
    ends = (i + 1 for i, x in enumerate(written) if x in stop_ids)
    return next(ends, len(written))


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
