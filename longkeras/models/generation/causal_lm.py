"""The decode contract, and generation over it."""

import keras
import keras_hub
import numpy as np
from keras import ops, tree

from longkeras.models.base.inputs import check_vocabulary
from longkeras.models.base.text_task import TextTask
from longkeras.models.generation.batch_generation import generate_batch
from longkeras.models.generation.compiled_decoding import CompiledDecoding
from longkeras.models.generation.options import GenerationOptions
from longkeras.models.generation.text_generation import TextStream, generate_texts
from longkeras.ops.left_compact import left_compact


@keras.saving.register_keras_serializable(package="longkeras")
class DecodingCausalLM(
    CompiledDecoding,
    TextTask,
    keras_hub.models.CausalLM,
):
    """Base of language models that write text: a contract, and generation over it.

    A family implements `initial_state` and `read_chunk`, and `step` where one token
    can be read in a cheaper way than as a chunk; an encoder-decoder model also
    implements `encode`. `generate` (with KerasHub's signature and samplers) and
    `stream` are written once, here. Every tensor of a state is batch-first, and a state
    holds one position per row, so that samplers can repeat and gather rows, and rows
    may stand at different places of their texts.

    Args:
        backbone: `keras_hub.models.Backbone` with a reversible `token_embedding`.
        preprocessor: `keras_hub.models.CausalLMPreprocessor`, or None if inputs are
            given as ids. Defaults to `None`.
        **kwargs: See `keras_hub.models.CausalLM`.
    """

    makes_targets = True

    def __init__(self, backbone, preprocessor=None, **kwargs):
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor

        # === Functional Model ===
        inputs = backbone.input
        outputs = self.logits_of(backbone(inputs))
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

    @property
    def context_length(self):
        """int, the most tokens at once, or None for text of any length."""
        raise NotImplementedError

    @property
    def needs_max_length(self):
        """bool, whether the state grows with the text although nothing limits it."""
        return False

    def logits_of(self, hidden_states):
        """Logits of the next token by the embeddings, which are those of the input.

        Args:
            hidden_states: tensor `(..., hidden_dim)`.

        Returns:
            Tensor `(..., vocabulary_size)`.
        """
        return self.backbone.token_embedding(hidden_states, reverse=True)

    def encode(self, inputs):
        """Compute once for a text what every step of a decoder needs of its encoder.

        A model with an encoder returns keys and values for cross-attention, and its
        `initial_state` takes them as the argument `encoder_state`, to keep them in the
        state. A decoder-only model is never asked.

        Args:
            inputs: dict of the inputs whose names begin with `encoder_`.

        Returns:
            Nested structure of tensors, each `(batch_size, ...)`.
        """
        raise NotImplementedError

    def initial_state(self, batch_size, max_length=None):
        """The state before the first token.

        A model with an encoder takes a further argument `encoder_state`, which
        `encode` has returned.

        Args:
            batch_size: int.
            max_length: int. The most tokens to come; needed by full attention only.

        Returns:
            Nested structure of tensors, each `(batch_size, ...)`.

        Raises:
            ValueError: If `max_length` is missing or more than the model takes.
        """
        raise NotImplementedError

    def read_chunk(self, token_ids, lengths, state):
        """Read a chunk whose tokens stand before its padding.

        Args:
            token_ids: int tensor `(batch, chunk)`.
            lengths: int tensor `(batch,)`. Tokens of each row that are no padding.
            state: from `initial_state`, `prefill` or `step`.

        Returns:
            `(hidden_states, state)`: `(batch, chunk, hidden_dim)`, unspecified at
            padding, and the state after the chunk.
        """
        raise NotImplementedError

    def prefill(self, token_ids, padding_mask, state, global_attention_mask=None):
        """Read a chunk of tokens; a long text may be read chunk by chunk.

        Args:
            token_ids: int tensor `(batch, chunk)`.
            padding_mask: tensor `(batch, chunk)`, 0 or False at padding, which is
                skipped, wherever it stands.
            state: from `initial_state`, `prefill` or `step`; with room for global
                tokens if there are any.
            global_attention_mask: tensor `(batch, chunk)`, 1 or True at global tokens,
                for models that have any. Defaults to `None`, no token is global.

        Returns:
            `(logits, hidden_states, state)`: `(batch, chunk, vocabulary_size)`,
            `(batch, chunk, hidden_dim)` and the state after the chunk. What stands
            at padding is unspecified.
        """
        order, place, lengths = left_compact(padding_mask)
        token_ids = ops.take_along_axis(token_ids, order, axis=1)
        masks = []
        if global_attention_mask is not None:
            mask = ops.cast(global_attention_mask, "bool")
            masks = [ops.take_along_axis(mask, order, axis=1)]
        hidden_states, state = self.read_chunk(token_ids, lengths, state, *masks)
        hidden_states = ops.take_along_axis(hidden_states, place[:, :, None], axis=1)
        return self.logits_of(hidden_states), hidden_states, state

    def step(self, token_ids, state):
        """Read one token a row, in constant time for recurrent and windowed models.

        Args:
            token_ids: int tensor `(batch,)`.
            state: from `initial_state`, `prefill` or `step`.

        Returns:
            `(logits, hidden_states, state)`: `(batch, vocabulary_size)`,
            `(batch, hidden_dim)` and the state after the token.
        """
        lengths = ops.ones_like(token_ids, dtype="int32")
        hidden_states, state = self.read_chunk(token_ids[:, None], lengths, state)
        hidden_states = hidden_states[:, 0]
        return self.logits_of(hidden_states), hidden_states, state

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

    def without_prompt(self, state):
        """A state without what was needed for reading the prompt alone.

        Args:
            state: from `prefill`.

        Returns:
            A state for `step`.
        """
        return state

    def generate(
        self,
        inputs,
        max_length=None,
        stop_token_ids="auto",
        strip_prompt=False,
        stop=None,
        seed=None,
        num_global_tokens=0,
    ):
        """Continue a text, or several at once, with the compiled sampler.

        Prompts are read in chunks and continued in one compiled loop. Its program
        serves prompts of any length, and texts up to a rounded length.

        Args:
            inputs: str, list of str, or what else the preprocessor takes. Without a
                preprocessor a dict of `token_ids` and `padding_mask`, `(batch,
                max_length)`, padded on either side; with it, and a backbone that has
                `use_global_attention`, also `global_attention_mask`.
            max_length: int. Tokens of prompt and continuation together. Defaults to
                `None`, the preprocessor's `sequence_length`.
            stop_token_ids: tuple of ids that end a text, None for none, or `"auto"`,
                the tokenizer's end token. Defaults to `"auto"`.
            strip_prompt: bool. Whether to leave the prompt out. Defaults to `False`.
            stop: str or list of str. A text ends before the first of them that is
                generated. Defaults to `None`.
            seed: int. The same seed gives the same texts. Defaults to `None`, the
                sampler goes on with its own.
            num_global_tokens: int. The first tokens of each prompt, start token
                included, that all later ones see. Defaults to `0`.

        Returns:
            As `inputs`: str, list of str, or a dict of `token_ids` and
            `padding_mask` in which every row begins with its prompt.

        Raises:
            ValueError: If a text is longer than the model takes, `stop` is given
                without a preprocessor, or global tokens without
                `use_global_attention`.
        """
        check_vocabulary(self)
        if self.preprocessor is None and stop_token_ids == "auto":
            # KerasHub raises an error that says what to do.
            return super().generate(inputs, max_length, stop_token_ids, strip_prompt)
        options = GenerationOptions.of(
            self, stop_token_ids, stop, seed, num_global_tokens
        )
        if self.preprocessor is not None:
            return generate_texts(self, inputs, options, max_length, strip_prompt)
        is_dataset = hasattr(inputs, "as_numpy_iterator")
        batches = inputs.as_numpy_iterator() if is_dataset else [inputs]
        outputs = [
            self.generate_step(batch, options=options, strip_prompt=strip_prompt)
            for batch in batches
        ]
        return {
            name: np.concatenate([ops.convert_to_numpy(x[name]) for x in outputs])
            for name in outputs[0]
        }

    def generate_step(
        self, inputs, stop_token_ids=None, options=None, strip_prompt=False
    ):
        """Generate for one batch of ids, as `generate` does.

        Args:
            inputs: dict of `token_ids` `(batch, max_length)` and `padding_mask`,
                True at the prompt.
            stop_token_ids: tuple of ids that end a row, or None. Defaults to `None`.
            options: `GenerationOptions`, instead of `stop_token_ids`. Defaults to
                `None`.
            strip_prompt: bool. Whether to leave the prompts out. Defaults to `False`.

        Returns:
            dict of `token_ids` and `padding_mask`, the prompt followed by what was
            generated.
        """
        options = options or GenerationOptions.of(self, stop_token_ids)
        return generate_batch(self, inputs, options, strip_prompt)

    def make_generate_function(self):
        """`generate_step`, whose parts are compiled."""
        return self.generate_step

    def stream(
        self,
        prompt,
        max_length=None,
        stop=None,
        seed=None,
        stop_event=None,
        num_global_tokens=0,
    ):
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
            stop_event: `threading.Event`. Once it is set, the stream yields nothing
                more, and ends before the next call of the model, which reads a chunk
                of the prompt or writes at most 4 tokens. Defaults to `None`.
            num_global_tokens: int. The first tokens of the prompt, start token
                included, that all later ones see. Defaults to `0`.

        Yields:
            str: pieces of whole characters.

        Raises:
            ValueError: If no preprocessor is attached, the sampler cannot choose
                token by token, there are global tokens without
                `use_global_attention`, or there is nothing to begin with: neither a
                prompt nor a start token.
        """
        check_vocabulary(self)
        options = GenerationOptions.of(
            self, stop=stop, seed=seed, num_global_tokens=num_global_tokens
        )
        return iter(TextStream(self, prompt, options, max_length, stop_event))

    def prompt_inputs(self, prompt):
        """The inputs for a single prompt, whole; see `stream`.

        A model with an encoder overrides this: the prompt is the encoder's text.

        Args:
            prompt: str.

        Returns:
            dict of `token_ids`, int32 `numpy.ndarray` `(1, length)`: the start token,
            if there is one, and the prompt.

        Raises:
            ValueError: If there is no token at all.
        """
        tokenizer = self.preprocessor.tokenizer
        start = getattr(tokenizer, "start_token_id", None)
        ids = [] if start is None else [start]
        ids += [int(i) for i in tokenizer(prompt)] if prompt else []
        if not ids:
            raise ValueError(
                "`prompt` must not be empty where the tokenizer has no start token. "
                f"Received: prompt={prompt!r}"
            )
        return {"token_ids": np.array([ids], "int32")}
