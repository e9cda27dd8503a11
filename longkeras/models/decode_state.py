"""One contract for decoding, whatever a model keeps: rings, a dense cache, a state."""

import keras
import keras_hub
from keras import ops, tree

from longkeras.models.atomic_saving import AtomicSaving
from longkeras.models.checked_presets import CheckedPresets
from longkeras.models.saved_compilation import SavedCompilation
from longkeras.models.shuffled_fit import ShuffledFit
from longkeras.models.text_stream import TextStream
from longkeras.ops.compiled_function import compiled_function


@keras.saving.register_keras_serializable(package="longkeras")
class DecodingCausalLM(
    SavedCompilation,
    AtomicSaving,
    CheckedPresets,
    ShuffledFit,
    keras_hub.models.CausalLM,
):
    """Base of the causal language models: generation over three functions.

    A family implements `initial_state`, `prefill` and `step`; `generate` (KerasHub's
    signature and samplers) and `stream` are written once, here. Every tensor of a
    state is batch-first and holds a position a row, so that samplers can repeat and
    gather rows, and rows may stand at different places of their texts.
    """

    @property
    def context_length(self):
        """int, the most tokens at once, or None for text of any length."""
        raise NotImplementedError

    def initial_state(self, batch_size, max_length=None):
        """The state before the first token.

        Args:
            batch_size: int.
            max_length: int. The most tokens to come; needed by full attention only.

        Returns:
            Nested structure of tensors, each `(batch_size, ...)`.

        Raises:
            ValueError: If `max_length` is missing or more than the model takes.
        """
        raise NotImplementedError

    def prefill(self, token_ids, padding_mask, state):
        """Read a chunk of tokens; a long text may be read chunk by chunk.

        Args:
            token_ids: int tensor `(batch, chunk)`.
            padding_mask: tensor `(batch, chunk)`, 0 or False at padding, which is
                skipped, wherever it stands.
            state: from `initial_state`, `prefill` or `step`.

        Returns:
            `(logits, hidden_states, state)`: `(batch, chunk, vocabulary_size)`,
            `(batch, chunk, hidden_dim)` and the state after the chunk. What stands
            at padding is unspecified.
        """
        raise NotImplementedError

    def step(self, token_ids, state):
        """Read one token a row, in constant time for recurrent and windowed models.

        Args:
            token_ids: int tensor `(batch,)`.
            state: from `initial_state`, `prefill` or `step`.

        Returns:
            `(logits, hidden_states, state)`: `(batch, vocabulary_size)`,
            `(batch, hidden_dim)` and the state after the token.
        """
        raise NotImplementedError

    def fit(self, x=None, y=None, **kwargs):
        """Train; see `keras.Model.fit`.

        Args:
            x: strings, or what else the preprocessor takes; a
                `keras.utils.PyDataset` is taken to hold batches of ids and targets,
                which no preprocessor touches.
            y: None, since the targets are the next tokens. Defaults to `None`.
            **kwargs: See `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.
        """
        if isinstance(x, keras.utils.PyDataset):
            return keras.Model.fit(self, x, **kwargs)
        return super().fit(x, y, **kwargs)

    def compiled_prefill(self, token_ids, padding_mask, state):
        """`prefill`, compiled once for each shape."""
        return self._compiled("prefill")(token_ids, padding_mask, state)

    def compiled_step(self, token_ids, state):
        """`step`, compiled once for each shape."""
        return self._compiled("step")(token_ids, state)

    def state_bytes(self, batch_size=1, max_length=None):
        """Bytes that the state holds for a text.

        Args:
            batch_size: int. Defaults to `1`.
            max_length: int. Tokens of the text; matters for full attention only,
                whose default is its `context_length`.

        Returns:
            int, constant in the text's length for recurrent and windowed models.
        """
        max_length = self.context_length if max_length is None else max_length
        state = self.initial_state(batch_size, max_length)
        return sum(ops.convert_to_numpy(x).nbytes for x in tree.flatten(state))

    def generate_step(self, inputs, stop_token_ids=None):
        """Generate for one batch; compiled by `generate`.

        Args:
            inputs: dict of `token_ids` `(batch, max_length)` and `padding_mask`,
                True at the prompt.
            stop_token_ids: tuple of ids that end a row, or None.

        Returns:
            dict of `token_ids` and `padding_mask`, the prompt followed by what was
            generated.
        """
        token_ids = inputs["token_ids"]
        padding_mask = ops.cast(inputs["padding_mask"], "bool")
        batch_size, max_length = ops.shape(token_ids)
        row_lengths = ops.sum(ops.cast(padding_mask, "int32"), axis=-1)
        index = ops.min(row_lengths)
        # The sampler feeds the token at `index - 1` first.
        columns = ops.arange(max_length, dtype="int32")
        known = ops.broadcast_to(columns < index - 1, (batch_size, max_length))
        state = self.initial_state(batch_size, max_length)
        _, hidden_states, state = self.prefill(token_ids, known, state)

        def next_token(prompt, cache, index):
            # A beam sampler has more rows than the prompts.
            num_rows = ops.shape(prompt)[0]
            token = ops.slice(prompt, [0, index - 1], [num_rows, 1])[:, 0]
            return self.step(token, cache)

        token_ids = self.sampler(
            next=next_token,
            prompt=token_ids,
            cache=state,
            index=index,
            mask=padding_mask,
            stop_token_ids=stop_token_ids,
            hidden_states=hidden_states,
            model=self,
        )
        return {
            "token_ids": token_ids,
            "padding_mask": _generated_mask(token_ids, padding_mask, stop_token_ids),
        }

    def stream(self, prompt, max_length=None, stop=None, seed=None):
        """Generate piece by piece; closing the generator ends the work at once.

        A recurrent or windowed model goes on in constant time a token, however long
        prompt and continuation. A full-attention model sees `context_length` tokens:
        whenever they are used up, it reads the last half of them again.

        Args:
            prompt: str. May be empty.
            max_length: int. Tokens of prompt and continuation together. Defaults to
                `None`, until the model ends the text.
            stop: str or list of str. The stream ends before the first of them.
                Defaults to `None`.
            seed: int. The same seed gives the same text. Defaults to `None`, the
                compiled sampler goes on with its own.

        Yields:
            str: pieces of whole characters.

        Raises:
            ValueError: If no preprocessor is attached, or the sampler cannot choose
                token by token.
        """
        return iter(TextStream(self, prompt, max_length, stop, seed))

    def get_compile_config(self):
        """What `compile` was given, the sampler included, for a `.keras` file."""
        config = super().get_compile_config()
        if config:
            config["sampler"] = keras.saving.serialize_keras_object(self.sampler)
        return config

    def _compiled(self, name):
        functions = self.__dict__.setdefault("_compiled_functions", {})
        # `enable_lora` and `quantize` add variables, which a program made before
        # would not read.
        key = (name, len(self.backbone.variables))
        if key not in functions:
            functions[key] = compiled_function(getattr(self, name), self)
        return functions[key]


def _generated_mask(token_ids, prompt_mask, stop_token_ids):
    """True up to each row's first generated stop token."""
    if stop_token_ids is None:
        return ops.ones_like(token_ids, dtype="bool")
    stops = ops.zeros_like(prompt_mask)
    for stop_token_id in stop_token_ids:
        stops = ops.logical_or(stops, token_ids == stop_token_id)
    stops = ops.cast(ops.logical_and(stops, ops.logical_not(prompt_mask)), "int32")
    return ops.cumsum(stops, axis=-1) - stops == 0
