"""Compiled steps of a language model, and choices of its sampler."""

import functools

import keras_hub
from keras import ops

from longkeras.models.generation.sampling_loop import sampling_function
from longkeras.models.generation.token_choice import (
    allowed_logits,
    choose_token,
    end_token_ids,
    forbidden_token_ids,
)
from longkeras.ops.compiled_function import compiled_function
from longkeras.text.samplers import usable_sampler

# A model of at most so many parameters streams so many tokens a call.
_SMALL, _TOGETHER = 2**25, 4


class CompiledDecoding:
    """Compiles `prefill`, `step` and the choice of tokens, once for each shape.

    A mixin. Must precede `keras_hub.models.CausalLM` in the bases.
    """

    def compile(self, *args, sampler="top_k", **kwargs):
        """Configure training and generation; see `keras_hub.models.CausalLM`.

        Args:
            *args: optimizer and loss.
            sampler: str, or `keras_hub.samplers.Sampler`. A `temperature` of 0 is
                greedy in any of them, and a `k` above the vocabulary is all of it.
                Defaults to `"top_k"`.
            **kwargs: See `keras_hub.models.CausalLM`.

        Raises:
            ValueError: If an argument of the sampler is out of its range, or it is
                none that can be used here.
        """
        sampler = keras_hub.samplers.get(sampler)
        usable_sampler(sampler)
        super().compile(*args, sampler=sampler, **kwargs)

    def usable_sampler(self, stop_token_ids=None):
        """The sampler that `compile` was given, as it can be used.

        Args:
            stop_token_ids: tuple of ids that end a text, or None. Defaults to `None`.

        Returns:
            `keras_hub.samplers.Sampler`, see `longkeras.text.samplers`.

        Raises:
            ValueError: If an argument of the sampler is out of its range.
        """
        size = self.backbone.vocabulary_size
        forbidden = self._forbidden(stop_token_ids)
        return usable_sampler(self.sampler, size - len(forbidden))

    def compiled_prefill(self, token_ids, padding_mask, state, *masks):
        """`prefill`, compiled once for each shape."""
        self.check_token_ids(token_ids)
        return self._compiled("prefill")(token_ids, padding_mask, state, *masks)

    def compiled_step(self, token_ids, state):
        """`step`, compiled once for each shape."""
        self.check_token_ids(token_ids)
        return self._compiled("step")(token_ids, state)

    def compiled_choice(self, draws, logits):
        """The sampler's choice among the logits of a step, compiled.

        Args:
            draws: list of the values that the sampler's variables have for it.
            logits: tensor `(1, vocabulary_size)`.

        Returns:
            int tensor `(1,)`, of no special token but the end of a text.
        """
        return self._writing(("choice", self._unwritten()), self._choice)(draws, logits)

    @property
    def tokens_a_call(self):
        """int, how many tokens `stream` lets one call of `compiled_next` write.

        Several where a step takes less time than a call, as in small models.
        """
        return _TOGETHER if self.count_params() <= _SMALL else 1

    def compiled_next(self, draws, token_ids, state, num_tokens=1):
        """Some times `step` and the sampler's choice in one program, for `stream`.

        Args:
            draws: list of what the sampler's variables are, `(num_tokens, ...)`.
            token_ids: int tensor `(batch,)`.
            state: as of `step`; on JAX it cannot be used again.
            num_tokens: int. Tokens to write. Defaults to `1`.

        Returns:
            `(chosen token ids, state)`, the ids `(batch, num_tokens)`.
        """
        function = functools.partial(self._next, num_tokens)
        name = ("next", num_tokens, self._unwritten())
        return self._writing(name, function, donated=2)(draws, token_ids, state)

    def compiled_sampling(self, stop_token_ids):
        """The loop of `generate`, see `longkeras.models.generation.sampling_loop`."""
        sampler = self.usable_sampler(stop_token_ids)
        forbidden = self._forbidden(stop_token_ids)
        return self._writing(
            ("sampling", stop_token_ids, forbidden),
            sampling_function(self, sampler, stop_token_ids, forbidden),
            changed=self.sampler.variables,
        )

    def prefill_function(self):
        """`prefill` as `generate` uses it: compiled as its loop is."""
        if self.run_eagerly:
            return self.prefill
        return self._compiled("prefill", jit_compile=self._writes_with_xla())

    def _writes_with_xla(self):
        # What is best for training on a CPU is three times slower here.
        return self._asked_to_jit_compile is not False

    def _forbidden(self, stop_token_ids):
        """The ids that are never written where these end a text."""
        size = self.backbone.vocabulary_size
        return forbidden_token_ids(self._tokenizer(), stop_token_ids, size)

    def _ends(self):
        """The ids that end a text by themselves, as the tokenizer says."""
        return end_token_ids(self._tokenizer())

    def _tokenizer(self):
        return None if self.preprocessor is None else self.preprocessor.tokenizer

    def _unwritten(self):
        """The ids that `stream` never writes."""
        return self._forbidden(self._ends())

    def _choice(self, draws, logits):
        sampler = self.usable_sampler(self._ends())
        logits = allowed_logits(logits, self._unwritten(), sampler.temperature)
        return choose_token(sampler, draws, logits)

    def _next(self, num_tokens, draws, token_ids, state):
        def write(i, carry):
            chosen, token_ids, state = carry
            logits, _, state = self.step(token_ids, state)
            token_ids = self._choice([ops.take(x, i, axis=0) for x in draws], logits)
            chosen = ops.slice_update(chosen, (0, i), token_ids[:, None])
            return chosen, token_ids, state

        chosen = ops.zeros((token_ids.shape[0], num_tokens), dtype="int32")
        carry = chosen, token_ids, state
        chosen, _, state = ops.fori_loop(0, num_tokens, write, carry)
        return chosen, state

    def _writing(self, name, function, **options):
        """A function that chooses tokens, compiled as `compile` was told.

        `generate` and `stream` must not differ in this: with XLA, TensorFlow draws
        other random numbers from the same seed.
        """
        if self.run_eagerly:
            return function
        options["jit_compile"] = self._writes_with_xla()
        return self._compiled(name, function, chooses=True, **options)

    def _compiled(self, name, function=None, chooses=False, **options):
        functions = self.__dict__.setdefault("_compiled_functions", {})
        # `enable_lora` and `quantize` add variables, which a program made before
        # would not read.
        key = (name, len(self.backbone.variables), options.get("jit_compile"))
        # A sampler's arguments may be changed; the program holds their values.
        made_for = (self.sampler, self.sampler.get_config()) if chooses else None
        before, compiled = functions.get(key, (None, None))
        if compiled is None or before != made_for:
            function = getattr(self, name) if function is None else function
            compiled = compiled_function(function, self, **options)
            functions[key] = made_for, compiled
        return compiled
