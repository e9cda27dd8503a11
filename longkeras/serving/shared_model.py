"""A language model that several people call in turns."""


class SharedModel:
    """A language model with a lock, seen through the decode contract.

    A call is one chunk or one step, so people who use the same model at once take
    turns after each. The state belongs to the caller and nothing about a text is
    kept here. Token ids go in and logits come out as NumPy arrays.

    Args:
        model: A model with the decode contract (`initial_state`, `compiled_prefill`,
            `compiled_step`, `state_bytes`, `context_length`).
        name: str. What to call it.
    """

    def __init__(self, model, name):
        raise NotImplementedError
