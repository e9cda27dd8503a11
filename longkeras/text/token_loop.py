"""Reading of prompts and generation of tokens, through the decode contract.

`token_calls` drives a model's `initial_state` and `context_length`; its `choice` object
holds the model's compiled calls and chooses the tokens.
"""

import dataclasses

import numpy as np
from keras import ops

from longkeras.ops.decoding import global_cache, prompt_cache

# Tokens of a row that one call reads by default; fewer in a model of shorter context.
CHUNK_LENGTH = 256
# The state's capacities for global tokens and for the prompt are multiples of these.
_GLOBAL_TOKENS, _PROMPT_TOKENS = 8, 256


@dataclasses.dataclass(frozen=True)
class Prompts:
    """The prompts of a batch, the tokens of each row before its padding.

    Args:
        token_ids: int32 `numpy.ndarray` `(batch, length)`.
        lengths: int `numpy.ndarray` `(batch,)`.
        global_mask: bool `numpy.ndarray` `(batch, length)`, True at global tokens, or
            None where there are none. Defaults to `None`.
    """

    token_ids: np.ndarray
    lengths: np.ndarray
    global_mask: np.ndarray | None = None

    @classmethod
    def of(cls, token_ids, padding_mask=None, global_mask=None, num_global_tokens=0):
        """Make prompts from rows `(batch, length)`, padded on either side.

        Both masks have the same shape; `num_global_tokens` at the beginning of each row
        are global too.
        """
        token_ids = _array(token_ids)
        if padding_mask is None:
            padding_mask = np.ones_like(token_ids)
        padding_mask = _array(padding_mask).astype(bool)
        lengths = padding_mask.sum(axis=1)
        if not lengths.all():
            raise ValueError(
                "`padding_mask` must leave at least one token in every row, from which "
                f"a text can go on. Received: rows of {lengths.tolist()} tokens"
            )
        order = np.argsort(~padding_mask, axis=1, kind="stable")
        columns = np.arange(token_ids.shape[1])
        is_global = np.broadcast_to(columns < num_global_tokens, token_ids.shape)
        if global_mask is not None:
            given = np.take_along_axis(_array(global_mask).astype(bool), order, axis=1)
            is_global = is_global | given
        is_global = is_global & (columns < lengths[:, None])
        return cls(
            np.take_along_axis(token_ids, order, axis=1).astype("int32"),
            lengths,
            is_global if is_global.any() else None,
        )

    def rows(self):
        """The ids of each prompt, a list of lists of int."""
        return [
            row[:length].tolist()
            for row, length in zip(self.token_ids, self.lengths, strict=True)
        ]

    def without_last(self):
        """These prompts without the last token of each, which may leave empty rows."""
        return dataclasses.replace(self, lengths=self.lengths - 1)

    def followed_by(self, token_ids):
        """These prompts, all of one length, followed by tokens `(batch, count)`."""
        longer = np.concatenate([self.token_ids, token_ids], axis=1).astype("int32")
        mask = self.global_mask
        if mask is not None:
            mask = np.pad(mask, ((0, 0), (0, token_ids.shape[1])))
        return Prompts(longer, self.lengths + token_ids.shape[1], mask)

    def fitting(self, context_length):
        """One prompt, cut if it is longer than a context, which is an int or None.

        A long text is cut to half of the context: its global tokens, which are at its
        beginning, and its end. The other half is free for the continuation.
        """
        if context_length is None or self.lengths[0] <= context_length:
            return self
        num_first = 0 if self.global_mask is None else int(self.global_mask.sum())
        num_last = max(context_length // 2 - num_first, 1)
        kept = [self.token_ids[:, :num_first], self.token_ids[:, -num_last:]]
        return Prompts.of(np.concatenate(kept, axis=1), num_global_tokens=num_first)

    def state_arguments(self):
        """Arguments of `initial_state` that reserve space for global tokens."""
        if self.global_mask is None:
            return {}
        needed = prompt_cache.needed_capacity(self.global_mask)
        return {
            "num_global_tokens": global_cache.needed_capacity(
                self.global_mask, multiple=_GLOBAL_TOKENS
            ),
            "prompt_length": -(-needed // _PROMPT_TOKENS) * _PROMPT_TOKENS,
        }


def read_prompts(prefill, prompts, state, chunk_length=CHUNK_LENGTH):
    """Read prompts in calls of one shape to `prefill`.

    That takes token ids, a mask, the state and, where there are global tokens, their
    mask, as `DecodingCausalLM.prefill` does.

    Yields:
        `(logits, hidden_states, state)` after each chunk. The logits
        `(batch, vocabulary_size)` follow each row's last token so far, and are
        unspecified for an empty row; hidden states are `(batch, chunk, hidden_dim)`.
    """
    last_logits = None
    for start in range(0, int(prompts.lengths.max()), chunk_length):
        chunk = slice(start, start + chunk_length)
        token_ids = _padded(prompts.token_ids[:, chunk], chunk_length)
        columns = np.arange(start, start + chunk_length)
        masks = []
        if prompts.global_mask is not None:
            masks = [_padded(prompts.global_mask[:, chunk], chunk_length)]
        is_token = columns < prompts.lengths[:, None]
        logits, hidden_states, state = prefill(token_ids, is_token, state, *masks)
        index = np.clip(prompts.lengths - 1 - start, 0, chunk_length - 1)
        index = index[:, None, None].astype("int32")
        logits = ops.take_along_axis(logits, index, axis=1)[:, 0]  # (batch, vocabulary)
        if last_logits is not None and not is_token[:, 0].all():
            logits = ops.where(is_token[:, :1], logits, last_logits)
        last_logits = logits
        yield logits, hidden_states, state


def token_calls(
    model,
    prompts,
    choice,
    num_together=1,
    max_length=None,
    chunk_length=CHUNK_LENGTH,
    encoder_inputs=None,
):
    """Read prompts and continue them without end, one call of the model per item.

    The caller decides after each call whether to go on. Without a `max_length`, which
    needs a single row, a text that fills the model's context is cut by
    `Prompts.fitting` and read again.

    Args:
        model: a model with `initial_state` and `context_length`, and with
            `compiled_encode` where there are `encoder_inputs`.
        prompts: `Prompts`.
        choice: object with `prefill`, the model's compiled callable; with
            `first(logits, state)`, which chooses one or more tokens after the prompts;
            and with `next(token_ids, state, count)`, which reads one token `(batch,)`
            and chooses `count`. Both return token ids `(batch, count)` and the state.
        num_together: int. Tokens that `choice.next` chooses in a call. Defaults to `1`.
        max_length: int. Capacity of the state. Defaults to `None`: the model's
            `context_length`.
        chunk_length: int. Tokens of a row that a call reads. Defaults to
            `CHUNK_LENGTH`.
        encoder_inputs: dict of tensors for the model's encoder. Defaults to `None`.

    Yields:
        None after a call that read a part of the prompts, or the chosen tokens, an
        array `(batch, count)`.
    """
    limit = model.context_length if max_length is None else None
    length = limit if max_length is None else max_length
    chunk_length = chunk_length if length is None else min(chunk_length, length)
    while True:
        prompts = prompts.fitting(limit)
        arguments = prompts.state_arguments()
        if encoder_inputs:
            arguments["encoder_state"] = model.compiled_encode(encoder_inputs)
        state = model.initial_state(len(prompts.lengths), length, **arguments)
        logits = None
        chunks = read_prompts(choice.prefill, prompts, state, chunk_length)
        for chunk in chunks:
            logits, _, state = chunk
            yield None
        room = None if limit is None else limit - int(prompts.lengths.max())
        token_ids, state = choice.first(logits, state)
        while True:
            token_ids = _array(token_ids)
            yield token_ids
            if limit is not None:
                prompts = prompts.followed_by(token_ids)
            if room == 0:
                break
            count = num_together if room is None or room >= num_together else 1
            token_ids, state = choice.next(token_ids[:, -1], state, count)
            room = None if room is None else room - count


class HostChoice:
    """Chooses each token of one row from its logits, outside the compiled step.

    Args:
        model: a model with `compiled_prefill` and `compiled_step`.
        choose: callable of float logits `(vocabulary_size,)`, minus infinity at tokens
            that are not allowed. Returns an int.
        allowed: callable of the vocabulary's size. Returns which tokens may come next,
            bool `(vocabulary_size,)`. Defaults to `None`: all.
    """

    def __init__(self, model, choose, allowed=None):
        self.prefill = model.compiled_prefill
        self._step = model.compiled_step
        self._choose = choose
        self._allowed = allowed

    def first(self, logits, state):
        """See `token_calls`."""
        (row,) = _array(logits)
        if self._allowed is not None:
            row = np.where(self._allowed(len(row)), row, -np.inf)
        return np.array([[self._choose(row)]], dtype="int32"), state

    def next(self, token_ids, state, count):
        """See `token_calls`."""
        written = []
        for _ in range(count):
            logits, _, state = self._step(token_ids.astype("int32"), state)
            chosen, state = self.first(logits, state)
            written.append(chosen)
            token_ids = chosen[:, -1]
        return np.concatenate(written, axis=1), state


def _padded(rows, length):
    return np.pad(rows, ((0, 0), (0, length - rows.shape[1])))


def _array(x):
    return x if isinstance(x, np.ndarray) else np.asarray(ops.convert_to_numpy(x))
