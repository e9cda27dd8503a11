"""One contract for decoding, whatever a model keeps: rings, a dense cache, a state."""

import keras
import keras_hub
from keras import ops, tree

from longkeras.models.base.inputs import check_vocabulary
from longkeras.models.base.text_task import TextTask
from longkeras.models.generation.batch_generation import (
    GenerationOptions,
    generate_batch,
    stop_texts,
)
from longkeras.models.generation.compiled_decoding import (
    CompiledDecoding,
)
from longkeras.models.generation.text_generation import (
    generate_texts,
    stop_sequences,
)
from longkeras.models.generation.text_stream import TextStream


@keras.saving.register_keras_serializable(package="longkeras")
class DecodingCausalLM(
    CompiledDecoding,
    TextTask,
    keras_hub.models.CausalLM,
):
    """Base of the causal language models: generation over three functions.

    A family implements `initial_state`, `prefill` and `step`; `generate` (KerasHub's
    signature and samplers) and `stream` are written once, here. Every tensor of a
    state is batch-first and holds a position a row, so that samplers can repeat and
    gather rows, and rows may stand at different places of their texts.
    """

    makes_targets = True

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
        if stop_token_ids != "auto" or self.preprocessor is not None:
            stop_token_ids = GenerationOptions(
                stop_token_ids=self._stop_ids(stop_token_ids),
                stop_sequences=self._stop_sequences(stop),
                seed=seed,
                num_global_tokens=num_global_tokens,
            )
        if self.preprocessor is None:
            return super().generate(inputs, max_length, stop_token_ids, strip_prompt)
        return generate_texts(
            self, inputs, stop_token_ids, stop, max_length, strip_prompt
        )

    def generate_step(self, inputs, stop_token_ids=None):
        """Generate for one batch of ids, as `generate` does.

        Args:
            inputs: dict of `token_ids` `(batch, max_length)` and `padding_mask`,
                True at the prompt.
            stop_token_ids: tuple of ids that end a row, or None.

        Returns:
            dict of `token_ids` and `padding_mask`, the prompt followed by what was
            generated.
        """
        self.check_token_ids(ops.convert_to_tensor(inputs["token_ids"]))
        return generate_batch(self, inputs, GenerationOptions.of(stop_token_ids))

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
        return iter(
            TextStream(
                self, prompt, max_length, stop, seed, stop_event, num_global_tokens
            )
        )

    def _stop_ids(self, stop_token_ids):
        if stop_token_ids == "auto":
            return self._ends()
        return None if stop_token_ids is None else tuple(stop_token_ids)

    def _stop_sequences(self, stop):
        texts = stop_texts(stop)
        if texts and self.preprocessor is None:
            raise ValueError(
                "`stop` needs a `preprocessor` to turn text into ids. "
                f"Received: stop={stop!r}, preprocessor=None"
            )
        return stop_sequences(self.preprocessor.tokenizer, texts) if texts else ()
