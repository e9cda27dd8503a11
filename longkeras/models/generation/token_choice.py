"""A sampler's choice of the next token, row by row and never a special token."""

import collections
import hashlib

import keras
import keras_hub
import numpy as np
from keras import ops

# The lowest logit, in units of the temperature, where the best token has 0: every
# allowed token keeps a probability above zero in float32, and is thus a better
# candidate than a forbidden one.
_LOWEST = -60.0


def end_token_ids(tokenizer):
    """Return the ids that end a text, according to its tokenizer, a tuple of int."""
    # "Instruct" versions of Llama 3 have two.
    ids = (getattr(tokenizer, name, None) for name in ("end_token_id", "end_token2_id"))
    return tuple(int(i) for i in ids if i is not None)


def special_token_ids(tokenizer):
    """Return the set of ids that have no text."""
    ids = [
        getattr(tokenizer, name, None) for name in ("pad_token_id", "start_token_id")
    ]
    ids += [*(getattr(tokenizer, "special_token_ids", None) or ())]
    return {int(i) for i in (*ids, *end_token_ids(tokenizer)) if i is not None}


def forbidden_token_ids(tokenizer, stop_token_ids, vocabulary_size):
    """Return the sorted ids that are never written: they neither spell nor end a text.

    `vocabulary_size` is the model's, which may exceed the tokenizer's. Without a
    tokenizer nothing is forbidden.
    """
    if tokenizer is None:
        return ()
    unknown = range(tokenizer.vocabulary_size(), vocabulary_size)
    forbidden = special_token_ids(tokenizer) | set(unknown)
    return tuple(sorted(forbidden - set(stop_token_ids or ())))


def allowed_logits(logits, forbidden, temperature):
    """Mask forbidden tokens, and shift the logits so that the best one is 0.

    Args:
        logits: tensor `(batch, vocabulary_size)`.
        forbidden: tuple of int. Ids of probability zero.
        temperature: float. The sampler's.

    Returns:
        float32 tensor `(batch, vocabulary_size)`.
    """
    logits = ops.cast(logits, "float32")
    is_forbidden = np.isin(np.arange(logits.shape[-1]), forbidden)
    logits = ops.where(is_forbidden, -np.inf, logits)
    # A small temperature makes large numbers overflow.
    logits = logits - ops.max(logits, axis=-1, keepdims=True)
    logits = ops.maximum(logits, _LOWEST * float(temperature))
    return ops.where(is_forbidden, -np.inf, logits)


def chooses_token_by_token(sampler):
    """Return whether a sampler chooses each token by its probabilities alone.

    Beam search, contrastive search and others have loops of their own.
    """
    base = keras_hub.samplers.Sampler
    kind = type(sampler)
    # The base class has the method too, and raises there.
    return (
        kind.__call__ is base.__call__
        and kind.get_next_token is not base.get_next_token
    )


def choose_tokens(sampler, draws, logits):
    """Choose a token for each row, independently of the other rows: int32 `(batch,)`.

    Args:
        sampler: `keras_hub.samplers.Sampler` that chooses token by token.
        draws: list of tensors `(batch, ...)`: for each row, the values of the sampler's
            variables.
        logits: tensor `(batch, vocabulary_size)`.
    """
    if not draws or logits.shape[0] == 1:
        return _choose(sampler, [x[0] for x in draws], logits)

    # Random numbers for a batch depend on its size.
    def choose(row):
        draws, logits = row
        return _choose(sampler, draws, logits[None])[0]

    return ops.map(choose, (draws, logits))


def _choose(sampler, draws, logits):
    mapping = list(zip(sampler.variables, draws, strict=True))
    with keras.StatelessScope(state_mapping=mapping):
        probabilities = sampler.compute_probabilities(logits)
        return ops.cast(sampler.get_next_token(probabilities), "int32")


class RowDraws:
    """Values of a sampler's variables for each token of each row.

    They depend on the seed, the row's prompt and the number of equal prompts before it
    in the batch, so that copies of a prompt are continued differently.

    Args:
        sampler: `keras_hub.samplers.Sampler`.
        seed: int, or None to continue from the state of the sampler and advance it.
        prompts: list of sequences of int.
    """

    def __init__(self, sampler, seed, prompts):
        self.variables = sampler.variables
        entropy = [seed]
        if seed is None:
            values = [ops.convert_to_numpy(x).ravel() for x in self.variables]
            entropy = [int(x) for x in np.concatenate([*values, np.zeros(1, int)])]
            for variable in self.variables:
                variable.assign(variable.value + 1)
        seen = collections.Counter()
        self.generators = []
        for prompt in map(tuple, prompts):
            own = [*entropy, _digest(prompt), seen[prompt]]
            self.generators.append(np.random.default_rng(own))
            seen[prompt] += 1

    def next(self, count):
        """Return the values for the next `count` tokens.

        They are a list of tensors `(count, rows, ...)`, one for each variable, and do
        not depend on how many are drawn at once.
        """
        if not self.variables:
            return []
        sizes = [int(np.prod(x.shape)) for x in self.variables]
        values = [
            generator.integers(0, 2**31, size=(count, sum(sizes)))
            for generator in self.generators
        ]
        values = np.stack(values, axis=1)  # (count, rows, numbers)
        parts = np.split(values, np.cumsum(sizes)[:-1], axis=2)
        return [
            ops.convert_to_tensor(
                part.reshape(*part.shape[:2], *variable.shape), dtype=variable.dtype
            )
            for part, variable in zip(parts, self.variables, strict=True)
        ]


def _digest(token_ids):
    digest = hashlib.blake2b(np.array(token_ids, "<i8").tobytes(), digest_size=16)
    return int.from_bytes(digest.digest(), "little")
