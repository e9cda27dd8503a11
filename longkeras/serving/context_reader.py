"""Read the text before a prediction in calls of one shape."""

import numpy as np

from longkeras.serving.byte_tokens import byte_token, from_whole_character, text_ids


def context_ids(model, data, most_bytes=None, reserve=0):
    """Return the token ids of the end of a text, as much as a model can read at once.

    Args:
        model: `SharedModel`.
        data: bytes. The text, valid UTF-8.
        most_bytes: int or None. Most bytes from the end of the text. Defaults to None,
            all of it.
        reserve: int. Tokens to keep free in a limited context. Defaults to 0.

    Returns:
        int32 array of shape `(length,)`. A whole text begins with a start token. A text
        that exceeds a limited context is cut between two characters.
    """
    ids = text_ids(data)
    if most_bytes is not None and most_bytes < len(data):
        ids = ids[len(ids) - most_bytes :]
    limit = model.context_length
    if limit is None or len(ids) <= limit - reserve:
        return ids
    return from_whole_character(ids[reserve - limit :])


def read_context(model, token_ids):
    """Read a text.

    Args:
        model: `SharedModel`.
        token_ids: int32 array of shape `(length,)`, see `context_ids`.

    Returns:
        Tuple of the logits of the next token, `(vocabulary_size,)`, and the state.
    """
    # Importing keras takes seconds, so it is imported only when a model is used.
    from longkeras.text.token_loop import Prompts, read_prompts

    state = model.initial_state(1, max_length=model.context_length)
    *_, (logits, _, state) = read_prompts(
        model.compiled_prefill, Prompts.of(token_ids[None]), state, model.chunk_tokens
    )
    return as_numpy(logits)[0], state


def prepare_prefill(model):
    """Compile the call that reads a text, unless it is compiled already.

    Args:
        model: `SharedModel`.

    Returns:
        float: the seconds it took.
    """
    return model.prepare(
        "prefill", lambda: read_context(model, context_ids(model, b"\n"))
    )


def prepare_step(model):
    """Compile the call that reads one token, unless it is compiled already.

    Args:
        model: `SharedModel`.

    Returns:
        float: the seconds it took.
    """

    def call():
        state = model.initial_state(1, max_length=model.context_length)
        model.compiled_step(np.array([byte_token(0)], dtype="int32"), state)

    return model.prepare("step", call)


def as_numpy(tensor):
    """Return a tensor of any backend as a NumPy array.

    Args:
        tensor: tensor of the Keras backend.

    Returns:
        `numpy.ndarray`.
    """
    if isinstance(tensor, np.ndarray):
        return tensor
    # Importing keras takes seconds, so it is imported only when a model is used.
    from keras import ops

    return ops.convert_to_numpy(tensor)
