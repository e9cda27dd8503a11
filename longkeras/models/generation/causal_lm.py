"""Base classes of causal language models: preprocessor, decode contract, generation."""

from functools import partial

import keras
import keras_hub
import numpy as np
from keras import ops, tree

from longkeras.argument_checks import check_arguments
from longkeras.atomic_files import AtomicPreset
from longkeras.models.base.inputs import check_vocabulary
from longkeras.models.base.presets import CheckedPresets
from longkeras.models.base.saving import UnsharedConfig
from longkeras.models.base.text_task import TextTask
from longkeras.models.base.tf_data_pipeline import with_made_targets
from longkeras.models.generation.compiled_decoding import CompiledDecoding
from longkeras.models.generation.options import GenerationOptions
from longkeras.models.generation.text_generation import (
    TextStream,
    generate_batch,
    generate_texts,
)
from longkeras.ops.left_compact import left_compact
from longkeras.text.byte_tokenizer import ByteTokenizer


class CheckedCausalLMPreprocessor(
    AtomicPreset, UnsharedConfig, CheckedPresets, keras_hub.models.CausalLMPreprocessor
):
    """Tokenizes, adds start and end, pads, and shifts the targets by one.

    See `keras_hub.models.CausalLMPreprocessor` for arguments and results, and
    `longkeras.models.TransformerCausalLMPreprocessor`.
    """

    tokenizer_cls = ByteTokenizer

    def __init__(
        self,
        tokenizer,
        sequence_length=1024,
        add_start_token=True,
        add_end_token=True,
        **kwargs,
    ):
        check_arguments(locals(), may_be_none=("sequence_length",))
        super().__init__(
            tokenizer, sequence_length, add_start_token, add_end_token, **kwargs
        )

    def call(self, x, y=None, sample_weight=None, sequence_length=None):
        if sequence_length is None and self.sequence_length is None:
            raise ValueError(
                "`sequence_length` must be an int to train on texts; only `generate` "
                "does without. Received: sequence_length=None"
            )
        # KerasHub drops targets and weights.
        preprocess = partial(super().call, sequence_length=sequence_length)
        return with_made_targets(preprocess, x, y, sample_weight)


@keras.saving.register_keras_serializable(package="longkeras")
class DecodingCausalLM(
    CompiledDecoding,
    TextTask,
    keras_hub.models.CausalLM,
):
    """Base of language models that generate text.

    A family implements the decode contract: `context_length`, `initial_state` and
    `read_chunk`, and `step` if one token can be read in a cheaper way than as a chunk.
    An encoder-decoder model also implements `encode`. `generate`, with KerasHub's
    signature and samplers, and `stream` are written once, here. Every tensor of a state
    is batch-first, and a state holds the position of each row, so that samplers can
    repeat and gather rows, and rows may have different lengths.

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
        """Return logits of the next token `(..., vocabulary_size)`.

        The output projection is the token embedding.
        """
        return self.backbone.token_embedding(hidden_states, reverse=True)

    def encode(self, inputs):
        """Compute once for a text what every step of a decoder reads of its encoder.

        A model with an encoder returns keys and values for cross-attention; its
        `initial_state` takes them as `encoder_state` and keeps them in the state.

        Args:
            inputs: dict of the inputs whose names begin with `encoder_`.

        Returns:
            Nested structure of tensors, each `(batch_size, ...)`.
        """
        raise NotImplementedError

    def initial_state(self, batch_size, max_length=None):
        """Return the state before the first token.

        A model with an encoder takes a further argument `encoder_state`, the result of
        `encode`.

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
        """Read a chunk whose tokens precede its padding.

        Args:
            token_ids: int tensor `(batch, chunk)`.
            lengths: int tensor `(batch,)`. Tokens of each row that are not padding.
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
            padding_mask: tensor `(batch, chunk)`, 0 or False at padding, which may be
                anywhere and is skipped.
            state: as for `read_chunk`; with room for global tokens if there are any.
            global_attention_mask: tensor `(batch, chunk)`, 1 or True at global tokens,
                for models that have any. Defaults to `None`, no token is global.

        Returns:
            `(logits, hidden_states, state)`: `(batch, chunk, vocabulary_size)` and
            `(batch, chunk, hidden_dim)`, unspecified at padding, and the state after
            the chunk.
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
            state: as for `read_chunk`.

        Returns:
            `(logits, hidden_states, state)`: `(batch, vocabulary_size)`,
            `(batch, hidden_dim)` and the state after the token.
        """
        lengths = ops.ones_like(token_ids, dtype="int32")
        hidden_states, state = self.read_chunk(token_ids[:, None], lengths, state)
        hidden_states = hidden_states[:, 0]
        return self.logits_of(hidden_states), hidden_states, state

    def state_bytes(self, batch_size=1, max_length=None):
        """Return the bytes of the state for texts of up to `max_length` tokens.

        Constant for recurrent and windowed models. For full attention `max_length`
        defaults to `context_length`.
        """
        max_length = self.context_length if max_length is None else max_length
        state = self.initial_state(batch_size, max_length)
        return sum(ops.convert_to_numpy(x).nbytes for x in tree.flatten(state))

    def without_prompt(self, state):
        """Return a state for `step`, without what only reading the prompt needs."""
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

        Prompts are read in chunks and continued in one compiled loop. The program is
        reused for prompts of any length, and for texts up to a rounded length.

        Args:
            inputs: str, list of str, or what else the preprocessor takes. Without a
                preprocessor a dict of `token_ids` and `padding_mask`, `(batch,
                max_length)`, padded on either side, and, if the backbone has
                `use_global_attention`, `global_attention_mask`.
            max_length: int. Tokens of prompt and continuation together. Defaults to
                `None`, the preprocessor's `sequence_length`.
            stop_token_ids: tuple of ids that end a text, None for none, or `"auto"`,
                the tokenizer's end token. Defaults to `"auto"`.
            strip_prompt: bool. Whether to leave the prompt out. Defaults to `False`.
            stop: str or list of str. A text ends before the first of them that is
                generated. Defaults to `None`.
            seed: int. The same seed gives the same texts. Defaults to `None`, the
                sampler's own seed, which advances.
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
            # KerasHub's error says what to do.
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
        """Continue a batch of ids; see `generate_batch`.

        `options` are `GenerationOptions`, instead of `stop_token_ids`.
        """
        options = options or GenerationOptions.of(self, stop_token_ids)
        return generate_batch(self, inputs, options, strip_prompt)

    def make_generate_function(self):
        """Return `generate_step`, whose parts are compiled."""
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

        A recurrent or windowed model takes constant time a token, however long the
        text. A full-attention model sees `context_length` tokens: whenever they are
        used up, it reads the last half of them again.

        Args:
            prompt: str. May be empty.
            max_length: int. Tokens of prompt and continuation together. Defaults to
                `None`, until the model ends the text.
            stop: str or list of str; see `generate`. Defaults to `None`.
            seed: int; see `generate`. Defaults to `None`.
            stop_event: `threading.Event`. Once it is set, the stream yields nothing
                more, and ends before the next call of the model, which reads a chunk
                of the prompt or writes at most 4 tokens. Defaults to `None`.
            num_global_tokens: int; see `generate`. Defaults to `0`.

        Yields:
            str: pieces of whole characters.

        Raises:
            ValueError: If no preprocessor is attached, the sampler cannot choose
                token by token, there are global tokens without
                `use_global_attention`, or there is neither a prompt nor a start token.
        """
        check_vocabulary(self)
        options = GenerationOptions.of(
            self, stop=stop, seed=seed, num_global_tokens=num_global_tokens
        )
        return iter(TextStream(self, prompt, options, max_length, stop_event))

    def prompt_inputs(self, prompt):
        """Return the inputs for a single prompt, whole; see `stream`.

        A model with an encoder overrides this: the prompt is the encoder's text.

        Returns:
            dict of `token_ids`, int32 `numpy.ndarray` `(1, length)`: the start token,
            if there is one, and the prompt.
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
