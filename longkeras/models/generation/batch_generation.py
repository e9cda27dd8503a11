"""`generate` for batches of ids."""

import numpy as np
from keras import ops

from longkeras.models.generation.compiled_decoding import bucketed
from longkeras.models.generation.options import check_global_tokens
from longkeras.models.generation.search_generation import search
from longkeras.models.generation.token_choice import (
    RowDraws,
    chooses_token_by_token,
)
from longkeras.text.token_loop import Prompts, token_calls


def generate_batch(model, inputs, options, strip_prompt=False):
    """Continue the prompts of a batch of ids.

    Args:
        model: `longkeras.models.generation.causal_lm.DecodingCausalLM`.
        inputs: dict of `token_ids` and `padding_mask`, `(batch, max_length)`, and
            perhaps `global_attention_mask`. An encoder-decoder model takes
            `decoder_token_ids` and `decoder_padding_mask` instead, and
            `encoder_token_ids` and so on for its encoder.
        options: `GenerationOptions`.
        strip_prompt: bool. Whether to leave the prompts out. Defaults to `False`.

    Returns:
        dict of token ids and padding mask `(batch, max_length)`, named as in `inputs`.
    """
    prefix = decoder_prefix(inputs)
    model.check_token_ids(ops.convert_to_tensor(inputs[prefix + "token_ids"]))
    rows = [
        prompt * (not strip_prompt) + written[: options.length_of(written)]
        for prompt, written in continued_rows(model, inputs, options)
    ]
    token_ids = np.zeros(np.shape(inputs[prefix + "token_ids"]), "int32")
    mask = np.zeros(token_ids.shape, bool)
    for i, row in enumerate(rows):
        token_ids[i, : len(row)], mask[i, : len(row)] = row, True
    return {
        prefix + "token_ids": ops.convert_to_tensor(token_ids),
        prefix + "padding_mask": ops.convert_to_tensor(mask),
    }


def continued_rows(model, inputs, options):
    """Continue the prompts of a batch; for arguments see `generate_batch`.

    Returns:
        list of (prompt, continuation), both lists of int; a continuation includes the
        stop token or the stop sequence that ended it.
    """
    prefix = decoder_prefix(inputs)
    global_mask = inputs.get("global_attention_mask")
    check_global_tokens(model, options.num_global_tokens or global_mask is not None)
    prompts = Prompts.of(
        inputs[prefix + "token_ids"],
        inputs[prefix + "padding_mask"],
        global_mask,
        options.num_global_tokens,
    )
    max_length = prompts.token_ids.shape[1]
    texts = prompts.rows()
    written = [[] for _ in texts]
    if prompts.lengths.min() < max_length:
        sampler = model.usable_sampler(options.stop_token_ids)
        write = _write if chooses_token_by_token(sampler) else search
        written = write(model, sampler, prompts, options, encoder_inputs(inputs))
    size = model.backbone.vocabulary_size
    rows = []
    for text, row in zip(texts, written, strict=True):
        # The loop fills up a row that is over with the first id beyond the vocabulary.
        end = next((i for i, x in enumerate(row) if x >= size), len(row))
        rows.append((text, row[: options.end_of(row[:end])]))
    return rows


def decoder_prefix(inputs):
    """Return the prefix of a decoder's inputs: `"decoder_"` or none."""
    return "decoder_" if "decoder_token_ids" in inputs else ""


def encoder_inputs(inputs):
    """Return the inputs of the encoder, without those of the decoder."""
    return {name: x for name, x in inputs.items() if name.startswith("encoder_")}


def _write(model, sampler, prompts, options, encoder_inputs):
    """Write with a sampler that chooses token by token: a list of lists."""
    max_length = prompts.token_ids.shape[1]
    choice = _WholeRows(model, sampler, prompts, options)
    calls = token_calls(
        model,
        prompts,
        choice,
        max_length=model.state_length(max_length),
        encoder_inputs=encoder_inputs,
    )
    return next(token_ids for token_ids in calls if token_ids is not None).tolist()


class _WholeRows:
    """Chooses all tokens of all rows in one call; see `token_calls`."""

    def __init__(self, model, sampler, prompts, options):
        max_length = prompts.token_ids.shape[1]
        self.prefill = model.prefill_function()
        self._model = model
        self._ends = ops.convert_to_tensor(max_length - prompts.lengths, dtype="int32")
        self._stops = options.stop_array()
        # The program serves all continuations of up to so many tokens.
        num_tokens = bucketed(max_length)
        self._loop = model.compiled_loop(options.stop_token_ids, num_tokens)
        self._draws = RowDraws(sampler, options.seed, prompts.rows()).next(num_tokens)

    def first(self, logits, state):
        """Write whole continuations."""
        state = self._model.without_prompt(state)
        token_ids = self._loop(self._draws, logits, state, self._ends, self._stops)
        return token_ids, state
