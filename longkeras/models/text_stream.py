"""A continuation as an iterator of text: whole characters, stop strings, seeds."""

import keras_hub
import numpy as np
from keras import ops

from longkeras.models.generation import check_global_tokens, stop_texts
from longkeras.models.prompt_reading import CHUNK_LENGTH, Prompts, read
from longkeras.models.text_pieces import text_pieces


class TextStream:
    """Iterates over the pieces of one continuation. See `DecodingCausalLM.stream`.

    Args:
        model: `longkeras.models.decode_state.DecodingCausalLM`.
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
        self.end_token_id = getattr(self.tokenizer, "end_token_id", None)
        self.prompt = prompt
        self.max_length = max_length
        self.stop = stop_texts(stop)
        self.stop_event = stop_event
        self.num_global_tokens = num_global_tokens
        check_global_tokens(model, num_global_tokens)
        _check_sampler(model.sampler)
        self.seed = seed

    def __iter__(self):
        ids = self._prompt_ids()
        pieces, held = text_pieces(self.tokenizer, ids), ""
        for token_id in self._tokens(ids):
            held += pieces.add(token_id)
            end = min((i for i in map(held.find, self.stop) if i >= 0), default=None)
            if end is not None:
                if held[:end]:
                    yield held[:end]
                return
            keep = _possible_stop_length(held, self.stop)
            piece, held = held[: len(held) - keep], held[len(held) - keep :]
            if piece:
                yield piece
        held += pieces.end()
        if held:
            yield held

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
        draws = _Draws(self.model.sampler, self.seed)
        ids = list(prompt_ids)
        chosen, state, room = self._read(ids, draws)
        while chosen is not None:
            for token_id in ops.convert_to_numpy(chosen)[0].tolist():
                is_full = self.max_length is not None and len(ids) >= self.max_length
                if is_full or self._is_stopped() or token_id == self.end_token_id:
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


class _Draws:
    """What a sampler draws from, step by step: the same for the same seed."""

    def __init__(self, sampler, seed):
        self.variables = sampler.variables
        if seed is None:
            # Begin where the sampler stands, and let the next stream begin elsewhere.
            seed = [int(x) for x in self._values()]
            for variable in self.variables:
                variable.assign(variable.value + 1)
        self.rng = np.random.default_rng(seed)

    def _values(self):
        values = [ops.convert_to_numpy(x).ravel() for x in self.variables]
        return np.concatenate([*values, np.zeros(1, "int64")])

    def next(self, count):
        """Values of the sampler's variables for some tokens, `(count, ...)` each."""
        return [
            ops.convert_to_tensor(
                self.rng.integers(0, 2**31, size=(count, *x.shape)), dtype=x.dtype
            )
            for x in self.variables
        ]


def _check_sampler(sampler):
    """Raise for a sampler that chooses whole texts."""
    # The base class has the method too, and raises there: a beam has no next token.
    base = keras_hub.samplers.Sampler.get_next_token
    if getattr(type(sampler), "get_next_token", base) is base:
        raise ValueError(
            "`stream` needs a sampler that chooses token by token, such as 'greedy', "
            f"'top_k' or 'top_p'. Received: sampler={sampler!r}"
        )


def _possible_stop_length(text, stops):
    """Length of the longest end of `text` with which a stop string begins."""
    longest = 0
    for stop in stops:
        for length in range(1, len(stop)):
            if text.endswith(stop[:length]):
                longest = max(longest, length)
    return longest
