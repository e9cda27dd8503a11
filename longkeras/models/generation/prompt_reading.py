"""Reads prompts chunk by chunk, so that one program serves every length."""

import dataclasses

import numpy as np
from keras import ops

from longkeras.ops import global_store, prompt_keys

CHUNK_LENGTH = 256
"""Tokens of a row that are read at once."""
# Global tokens and the prompts up to the last of them, in steps of so many.
_GLOBAL_TOKENS, _PROMPT_TOKENS = 8, 256


def bucketed(length):
    """The length up to which a program is made that serves this length.

    Args:
        length: int, at least 1.

    Returns:
        int, at most a quarter more, or 7 tokens.

    Example:

    >>> bucketed(20), bucketed(4097)
    (24, 5120)
    """
    step = max(2 ** (int(length - 1).bit_length() - 3), 8)
    return -(-length // step) * step


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
    def of(cls, token_ids, padding_mask, global_mask=None, num_global_tokens=0):
        """Prompts of padded rows, wherever the padding stands.

        Args:
            token_ids: int `(batch, length)`.
            padding_mask: `(batch, length)`, 0 or False at padding.
            global_mask: `(batch, length)`, or None. Defaults to `None`.
            num_global_tokens: int. Tokens at the beginning of each row that are
                global too. Defaults to `0`.

        Returns:
            `Prompts`.

        Raises:
            ValueError: If a row is empty.
        """
        token_ids, padding_mask = _array(token_ids), _array(padding_mask).astype(bool)
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

    def without_last(self):
        """These prompts without the last token of each, which may leave none."""
        return dataclasses.replace(self, lengths=self.lengths - 1)

    def room(self):
        """What a state needs to hold global tokens: arguments of `initial_state`."""
        if self.global_mask is None:
            return {}
        needed = prompt_keys.needed_capacity(self.global_mask)
        return {
            "num_global_tokens": global_store.needed_capacity(
                self.global_mask, multiple=_GLOBAL_TOKENS
            ),
            "prompt_length": -(-needed // _PROMPT_TOKENS) * _PROMPT_TOKENS,
        }


def read(prefill, prompts, state, chunk_length=CHUNK_LENGTH):
    """Read prompts, each from the beginning to its end.

    Args:
        prefill: callable of token ids, mask and state (and a global mask, where
            there is any), as `DecodingCausalLM.prefill`.
        prompts: `Prompts`.
        state: nested structure of tensors, as of `DecodingCausalLM.initial_state`.
        chunk_length: int. Defaults to `256`.

    Yields:
        `(ends, logits, hidden_states, state)` after each chunk: bool `(batch,)`, the
        rows that end in it, the logits `(batch, vocabulary_size)` after the last
        token of these, the hidden states `(batch, chunk, hidden_dim)` and the state.
    """
    for start in range(0, int(prompts.lengths.max()), chunk_length):
        chunk = slice(start, start + chunk_length)
        columns = np.arange(start, start + chunk_length)
        inputs = [
            _padded(prompts.token_ids[:, chunk], chunk_length),
            columns < prompts.lengths[:, None],
        ]
        masks = []
        if prompts.global_mask is not None:
            masks = [_padded(prompts.global_mask[:, chunk], chunk_length)]
        inputs, masks = (list(map(ops.convert_to_tensor, x)) for x in (inputs, masks))
        logits, hidden_states, state = prefill(*inputs, state, *masks)
        last = prompts.lengths - 1 - start
        ends = (last >= 0) & (last < chunk_length)
        index = np.clip(last, 0, chunk_length - 1)[:, None, None].astype("int32")
        # One of each row: (batch, vocabulary_size)
        logits = ops.take_along_axis(logits, ops.convert_to_tensor(index), axis=1)[:, 0]
        yield ends, logits, hidden_states, state


def _padded(rows, length):
    return np.pad(rows, ((0, 0), (0, length - rows.shape[1])))


def _array(x):
    return np.asarray(ops.convert_to_numpy(x))
