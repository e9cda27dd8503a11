"""`generate` and `stream`: from ids to ids, and from texts to texts."""

import numpy as np
from keras import ops, tree

from longkeras.models.generation.compiled_decoding import bucketed
from longkeras.models.generation.options import check_global_tokens
from longkeras.models.generation.search_generation import search
from longkeras.models.generation.text_pieces import decoded, text_pieces, text_until
from longkeras.models.generation.token_choice import (
    RowDraws,
    chooses_token_by_token,
    special_token_ids,
)
from longkeras.text.samplers import usable_sampler
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
        # A row that is over is filled with the first id beyond the vocabulary.
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
        self.prefill = model.compiled_prefill
        self._model = model
        self._ends = ops.convert_to_tensor(max_length - prompts.lengths, dtype="int32")
        self._stops = options.stop_array()
        # The program is reused for continuations of up to `num_tokens`.
        num_tokens = bucketed(max_length)
        self._loop = model.compiled_loop(options.stop_token_ids, num_tokens)
        self._draws = RowDraws(sampler, options.seed, prompts.rows()).next(num_tokens)

    def first(self, logits, state):
        """Write whole continuations."""
        state = self._model.without_prompt(state)
        token_ids = self._loop(self._draws, logits, state, self._ends, self._stops)
        return token_ids, state


def generate_texts(model, inputs, options, max_length=None, strip_prompt=False):
    """Continue texts; each continuation is what `stream` would yield.

    `inputs` is a str, a list of str, what else the preprocessor takes, or a
    `tf.data.Dataset` of batches; for other arguments see `DecodingCausalLM.generate`.
    Returns a str, or a list of str.
    """
    tokenizer = model.preprocessor.tokenizer
    special = special_token_ids(tokenizer)
    is_dataset = hasattr(inputs, "as_numpy_iterator")
    # The texts of an encoder-decoder model may be a dict of columns.
    column = next(iter(inputs.values())) if isinstance(inputs, dict) else inputs
    is_one = not is_dataset and np.ndim(column) == 0
    if is_one:
        inputs = tree.map_structure(lambda x: [x], inputs)
    batches = inputs.as_numpy_iterator() if is_dataset else [inputs]
    texts = []
    for batch in batches:
        prompts = model.preprocessor.generate_preprocess(
            batch, sequence_length=max_length
        )
        for prompt, written in continued_rows(model, prompts, options):
            pieces = text_pieces(tokenizer, prompt)
            added = (pieces.add(i) for i in written if i not in special)
            text = "".join(text_until(added, pieces.end, options.stop))
            text_ids = [i for i in prompt if i not in special]
            head = "" if strip_prompt else decoded(tokenizer, text_ids)
            texts.append(head + text)
    return texts[0] if is_one else texts


class TextStream:
    """Iterates over the pieces of one continuation. See `DecodingCausalLM.stream`.

    Args:
        model: `longkeras.models.generation.causal_lm.DecodingCausalLM`.
        prompt: str, or what else `model.prompt_inputs` takes.
        options: `GenerationOptions`.
        max_length: int or None. Tokens of prompt and continuation together.
        stop_event: `threading.Event` or None.
    """

    def __init__(self, model, prompt, options, max_length=None, stop_event=None):
        if model.preprocessor is None:
            raise ValueError(
                "`stream` needs a `preprocessor` to turn text into ids. "
                "Received: preprocessor=None"
            )
        self.model = model
        self.tokenizer = model.preprocessor.tokenizer
        self.prompt = prompt
        self.options = options
        self.max_length = max_length
        self.stop_event = stop_event
        check_global_tokens(model, options.num_global_tokens)
        self.sampler = usable_sampler(model.sampler)
        _check_sampler(self.sampler)

    def __iter__(self):
        inputs = self.model.prompt_inputs(self.prompt)
        ids = inputs[decoder_prefix(inputs) + "token_ids"][0]
        pieces = text_pieces(self.tokenizer, ids.tolist())
        written = map(pieces.add, self.token_ids(inputs))
        yield from text_until(written, pieces.end, self.options.stop)

    def token_ids(self, inputs):
        """Yield the ids that follow the prompt, one at a time; see `prompt_inputs`."""
        ids = inputs[decoder_prefix(inputs) + "token_ids"]
        prompt = Prompts.of(ids, num_global_tokens=self.options.num_global_tokens)
        calls = self.calls(prompt, encoder_inputs(inputs))
        most = np.inf if self.max_length is None else self.max_length
        num_tokens = ids.shape[1]
        while num_tokens < most and not self._is_stopped():
            chosen = next(calls)
            for token_id in [] if chosen is None else chosen[0].tolist():
                is_end = token_id in self.options.stop_token_ids
                if is_end or num_tokens >= most or self._is_stopped():
                    return
                yield token_id
                num_tokens += 1

    def calls(self, prompt, encoder_inputs):
        """Return the calls of the model that continue `prompt`; see `token_calls`."""
        choice = CompiledChoice(self.model, self.sampler, self.options.seed, prompt)
        num_together = self.model.tokens_a_call
        room = None
        if self.model.needs_max_length and self.max_length is not None:
            # The last call may write more tokens than are yielded.
            room = bucketed(self.max_length + num_together)
        return token_calls(
            self.model,
            prompt,
            choice,
            num_together=num_together,
            max_length=room,
            encoder_inputs=encoder_inputs,
        )

    def _is_stopped(self):
        return self.stop_event is not None and self.stop_event.is_set()


class CompiledChoice:
    """Chooses tokens with a sampler in the model's compiled step, for `token_calls`."""

    def __init__(self, model, sampler, seed, prompt):
        self.prefill = model.compiled_prefill
        self._model = model
        self._draws = RowDraws(sampler, seed, prompt.rows())

    def first(self, logits, state):
        """See `token_calls`."""
        token_ids = self._model.compiled_choice(self._draws.next(1), logits)
        return token_ids[:, None], self._model.without_prompt(state)

    def next(self, token_ids, state, count):
        """See `token_calls`."""
        draws = self._draws.next(count)
        return self._model.compiled_next(draws, token_ids, state, count)


def _check_sampler(sampler):
    """Raise a `ValueError` for a sampler that chooses whole texts."""
    if not chooses_token_by_token(sampler):
        raise ValueError(
            "`stream` needs a sampler that chooses token by token, such as 'greedy', "
            f"'top_k' or 'top_p'. Received: sampler={sampler!r}"
        )
