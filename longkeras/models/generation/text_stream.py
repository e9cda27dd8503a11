"""A continuation as an iterator of text: whole characters, stop strings, seeds."""

import numpy as np
from keras import ops

from longkeras.models.generation.batch_generation import check_global_tokens, stop_texts
from longkeras.models.generation.prompt_reading import (
    CHUNK_LENGTH,
    Prompts,
    read,
)
from longkeras.models.generation.row_draws import RowDraws
from longkeras.models.generation.text_pieces import (
    text_pieces,
    text_until,
)
from longkeras.models.generation.token_choice import (
    chooses_token_by_token,
    end_token_ids,
)
from longkeras.text.samplers import usable_sampler


class TextStream:
    """Iterates over the pieces of one continuation. See `DecodingCausalLM.stream`.

    Args:
        model: `longkeras.models.generation.causal_lm.DecodingCausalLM`.
        prompt: str.
        max_length: int or None. Tokens of prompt and continuation together.
        stop: str, list of str, or None.
        seed: int or None.
        stop_event: `threading.Event` or None.
        num_global_tokens: int. The first tokens of the prompt that are global.
    """

    def __init__(
        self,
        model,
        prompt,
        max_length=None,
        stop=None,
        seed=None,
        stop_event=None,
        num_global_tokens=0,
    ):
        if model.preprocessor is None:
            raise ValueError(
                "`stream` needs a `preprocessor` to turn text into ids. "
                "Received: preprocessor=None"
            )
        self.model = model
        self.tokenizer = model.preprocessor.tokenizer
        self.end_token_ids = end_token_ids(self.tokenizer)
        self.prompt = prompt
        self.max_length = max_length
        self.stop = stop_texts(stop)
        self.stop_event = stop_event
        self.num_global_tokens = num_global_tokens
        check_global_tokens(model, num_global_tokens)
        self.sampler = usable_sampler(model.sampler)
        _check_sampler(self.sampler)
        self.seed = seed

    def __iter__(self):
        ids = self._prompt_ids()
        pieces = text_pieces(self.tokenizer, ids)
        written = map(pieces.add, self._tokens(ids))
        yield from text_until(written, pieces.end, self.stop)

    def token_ids(self):
        """The ids that are written, one at a time.

        Yields:
            int.
        """
        return self._tokens(self._prompt_ids())

    def _prompt_ids(self):
        """Start token, if there is one, and prompt."""
        start = getattr(self.tokenizer, "start_token_id", None)
        ids = [] if start is None else [start]
        ids += [int(i) for i in self.tokenizer(self.prompt)] if self.prompt else []
        if not ids:
            raise ValueError(
                "`prompt` must not be empty where the tokenizer has no start token. "
                f"Received: prompt={self.prompt!r}"
            )
        return ids

    def _tokens(self, prompt_ids):
        """Generated ids, one at a time."""
        ids = list(prompt_ids)
        draws = RowDraws(self.sampler, self.seed).row(ids)
        chosen, state, room = self._read(ids, draws)
        while chosen is not None:
            for token_id in ops.convert_to_numpy(chosen)[0].tolist():
                is_full = self.max_length is not None and len(ids) >= self.max_length
                if is_full or self._is_stopped() or token_id in self.end_token_ids:
                    return
                yield token_id
                ids.append(token_id)
            if len(ids) == self.max_length or self._is_stopped():
                return
            if room == 0:
                chosen, state, room = self._read(ids, draws)
                continue
            count = self.model.tokens_a_call
            count = count if room is None or room >= count else 1
            chosen, state = self.model.compiled_next(
                draws.next(count), chosen[:, -1], state, count
            )
            room = room if room is None else room - count

    def _read(self, ids, draws):
        """Read `ids` in chunks: `(the next token (1, 1), state, tokens that fit)`."""
        limit = self.model.context_length
        if limit is not None and len(ids) > limit:
            num_kept = max(limit // 2 - self.num_global_tokens, 1)
            ids = ids[: self.num_global_tokens] + ids[-num_kept:]
        row = np.array([ids], "int32")
        prompts = Prompts.of(row, np.ones_like(row), None, self.num_global_tokens)
        state = self.model.initial_state(1, limit, **prompts.room())
        chunk_length = CHUNK_LENGTH if limit is None else min(CHUNK_LENGTH, limit)
        logits = None
        chunks = read(self.model.compiled_prefill, prompts, state, chunk_length)
        while not self._is_stopped() and (chunk := next(chunks, None)) is not None:
            _, logits, _, state = chunk
        if self._is_stopped():
            return None, None, None
        first = [x[0] for x in draws.next(1)]
        chosen = self.model.compiled_choice(first, logits)[:, None]
        room = None if limit is None else limit - len(ids)
        return chosen, self.model.without_prompt(state), room

    def _is_stopped(self):
        return self.stop_event is not None and self.stop_event.is_set()


def _check_sampler(sampler):
    """Raise for a sampler that chooses whole texts."""
    if not chooses_token_by_token(sampler):
        raise ValueError(
            "`stream` needs a sampler that chooses token by token, such as 'greedy', "
            f"'top_k' or 'top_p'. Received: sampler={sampler!r}"
        )
