"""Model that several users call in turns."""

import threading
import time

from longkeras.evaluation.language_models.protocol import call_length


class SharedModel:
    """A model with a lock, so that it runs one call at a time.

    A call is one prediction, chunk or step, so users of the same model take turns after
    each. The state belongs to the caller; nothing about a text is kept here.

    Args:
        model: A `keras.Model`. Causal language models have the decode contract too
            (`initial_state`, `compiled_prefill`, `compiled_step`, `state_bytes`,
            `context_length`, `count_params`).
        name: str or None. Name of the model. Defaults to its own name.
        prepared: set or None. The purposes that the model has been compiled for, shared
            by all who wrap the same model. Defaults to None, none.
    """

    def __init__(self, model, name=None, prepared=None):
        self.name = name or model.name
        self._model = model
        self._calling = threading.Lock()
        self._preparing = threading.Lock()
        self._prepared = set() if prepared is None else prepared

    @classmethod
    def of(cls, model, name=None):
        """Wrap a model, unless it is a `SharedModel` already.

        Args:
            model: `SharedModel`, or a model.
            name: str or None. Name of a model that is not wrapped yet.

        Returns:
            `SharedModel`.
        """
        return model if isinstance(model, cls) else cls(model, name)

    @property
    def parameters(self):
        """Number of weights."""
        return self._model.count_params()

    @property
    def context_length(self):
        """Most tokens that the state holds, or None for texts of any length."""
        return self._model.context_length

    @property
    def chunk_tokens(self):
        """Tokens per call while reading: one shape, so one compiled program."""
        return call_length(self.context_length)

    @property
    def backbone(self):
        """The model's backbone, or None; its windows limit the context."""
        return getattr(self._model, "backbone", None)

    def initial_state(self, batch_size, max_length=None):
        """Return the state before the first token.

        Args:
            batch_size: int.
            max_length: int or None. Most tokens to come; full attention needs it.

        Returns:
            Nested dict of tensors, batch first.
        """
        return self._model.initial_state(batch_size, max_length=max_length)

    def state_bytes(self, batch_size=1, max_length=None):
        """Return the size of the state.

        Args:
            batch_size: int.
            max_length: int or None. Most tokens to come; full attention needs it.

        Returns:
            int: bytes.
        """
        return self._model.state_bytes(batch_size, max_length=max_length)

    def compiled_prefill(self, token_ids, padding_mask, state):
        """Read a chunk.

        Args:
            token_ids: int array of shape `(batch, sequence)`.
            padding_mask: bool array of shape `(batch, sequence)`.
            state: The state before the chunk.

        Returns:
            Tuple of logits `(batch, sequence, vocabulary_size)`, hidden states
            `(batch, sequence, hidden_dim)` and the state after the chunk.
        """
        with self._calling:
            return self._model.compiled_prefill(token_ids, padding_mask, state)

    def compiled_step(self, token_ids, state):
        """Read one token.

        Args:
            token_ids: int array of shape `(batch,)`.
            state: The state before the token.

        Returns:
            Tuple of logits `(batch, vocabulary_size)`, hidden states
            `(batch, hidden_dim)` and the state after the token.
        """
        with self._calling:
            return self._model.compiled_step(token_ids, state)

    def predict(self, inputs):
        """Return the model's predictions.

        Args:
            inputs: dict of arrays, batch first.

        Returns:
            `numpy.ndarray`.
        """
        with self._calling:
            return self._model.predict(inputs, verbose=0)

    def prepare(self, purpose, call):
        """Make the first call for a purpose, which compiles, once.

        Args:
            purpose: hashable. What is compiled, shapes included.
            call: callable without arguments that makes the call.

        Returns:
            float: the seconds it took; 0 if it was made before.
        """
        with self._preparing:
            if purpose in self._prepared:
                return 0.0
            started = time.perf_counter()
            call()
            self._prepared.add(purpose)
            return time.perf_counter() - started
