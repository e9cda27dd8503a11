"""A sampler's choice of the next token: never a special one, and row by row."""

import keras
import keras_hub
import numpy as np
from keras import ops

# Beside the best token's 0, in units of the temperature: so unlikely are all others at
# most. Whatever may be written keeps a probability above zero in float32, and is a
# better candidate than a token that may not.
_LOWEST = -60.0


def end_token_ids(tokenizer):
    """The ids that end a text, according to its tokenizer.

    Args:
        tokenizer: an object with the interface of `keras_hub.tokenizers.Tokenizer`.

    Returns:
        tuple of int.
    """
    # "Instruct" versions of Llama 3 have two.
    ids = (getattr(tokenizer, name, None) for name in ("end_token_id", "end_token2_id"))
    return tuple(int(i) for i in ids if i is not None)


def special_token_ids(tokenizer):
    """The ids that stand for no text.

    Args:
        tokenizer: an object with the interface of `keras_hub.tokenizers.Tokenizer`.

    Returns:
        set of int.
    """
    ids = [
        getattr(tokenizer, name, None) for name in ("pad_token_id", "start_token_id")
    ]
    ids += [*(getattr(tokenizer, "special_token_ids", None) or ())]
    return {int(i) for i in (*ids, *end_token_ids(tokenizer)) if i is not None}


def forbidden_token_ids(tokenizer, stop_token_ids, vocabulary_size):
    """The ids that are never written: those that neither spell nor end a text.

    Args:
        tokenizer: an object with the interface of `keras_hub.tokenizers.Tokenizer`,
            or None, about which nothing is known.
        stop_token_ids: tuple of int, or None.
        vocabulary_size: int. The model's, which may exceed the tokenizer's.

    Returns:
        tuple of int, sorted.
    """
    if tokenizer is None:
        return ()
    unknown = range(tokenizer.vocabulary_size(), vocabulary_size)
    forbidden = special_token_ids(tokenizer) | set(unknown)
    return tuple(sorted(forbidden - set(stop_token_ids or ())))


def allowed_logits(logits, forbidden, temperature):
    """Logits among which only what may be written is probable.

    Args:
        logits: tensor `(batch, vocabulary_size)`.
        forbidden: tuple of int. Ids of probability zero.
        temperature: float. The sampler's.

    Returns:
        float32 tensor `(batch, vocabulary_size)`, 0 at the best token.
    """
    logits = ops.cast(logits, "float32")
    is_forbidden = np.isin(np.arange(logits.shape[-1]), forbidden)
    logits = ops.where(is_forbidden, -np.inf, logits)
    # A small temperature divides nothing but zero without overflow.
    logits = logits - ops.max(logits, axis=-1, keepdims=True)
    logits = ops.maximum(logits, _LOWEST * float(temperature))
    return ops.where(is_forbidden, -np.inf, logits)


def chooses_token_by_token(sampler):
    """Return whether a sampler chooses each token for good, by the probabilities alone.

    Args:
        sampler: `keras_hub.samplers.Sampler`.

    Returns:
        bool, False for beams, contrastive search and other loops of their own.
    """
    base = keras_hub.samplers.Sampler
    kind = type(sampler)
    # The base class has the method too, and raises there.
    return (
        kind.__call__ is base.__call__
        and kind.get_next_token is not base.get_next_token
    )


def choose_token(sampler, draws, logits):
    """A sampler's choice for one row.

    Args:
        sampler: `keras_hub.samplers.Sampler` that chooses token by token.
        draws: list of tensors, the values of the sampler's variables.
        logits: tensor `(1, vocabulary_size)`.

    Returns:
        int32 tensor `(1,)`.
    """
    mapping = list(zip(sampler.variables, draws, strict=True))
    with keras.StatelessScope(state_mapping=mapping):
        probabilities = sampler.compute_probabilities(logits)
        return ops.cast(sampler.get_next_token(probabilities), "int32")


def choose_tokens(sampler, draws, logits):
    """A sampler's choice for each row, which no other row has a part in.

    Args:
        sampler: `keras_hub.samplers.Sampler` that chooses token by token.
        draws: list of tensors `(batch, ...)`: for each row, the values of the sampler's
            variables.
        logits: tensor `(batch, vocabulary_size)`.

    Returns:
        int32 tensor `(batch,)`.
    """
    if not draws:
        return choose_token(sampler, draws, logits)
    if logits.shape[0] == 1:
        return choose_token(sampler, [x[0] for x in draws], logits)

    # Random numbers for a batch depend on its size.
    def choose(row):
        draws, logits = row
        return choose_token(sampler, draws, logits[None])[0]

    return ops.map(choose, (draws, logits))
