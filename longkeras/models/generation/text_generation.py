"""`generate` and `stream` with texts in and texts out."""

import numpy as np
from keras import tree

from longkeras.models.generation.batch_generation import (
    continued_rows,
    decoder_prefix,
    encoder_inputs,
)
from longkeras.models.generation.compiled_decoding import bucketed
from longkeras.models.generation.options import check_global_tokens
from longkeras.models.generation.text_pieces import spelt, text_pieces, text_until
from longkeras.models.generation.token_choice import (
    RowDraws,
    chooses_token_by_token,
    special_token_ids,
)
from longkeras.text.samplers import usable_sampler
from longkeras.text.token_loop import Prompts, token_calls


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
            spelt_ids = [i for i in prompt if i not in special]
            head = "" if strip_prompt else spelt(tokenizer, spelt_ids)
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
