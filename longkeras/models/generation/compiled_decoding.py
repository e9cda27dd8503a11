"""Compiled steps of a language model, including the sampler's choice of tokens."""

import functools

import keras_hub
from keras import ops

from longkeras.models.generation.token_choice import (
    allowed_logits,
    choose_tokens,
    end_token_ids,
    forbidden_token_ids,
)
from longkeras.ops.backend.compiled_function import compiled_function
from longkeras.text.samplers import check_sampler, usable_sampler

# With a model of few parameters, whose step takes less time than the call, `stream`
# writes several tokens in one call.
_SMALL, _TOGETHER = 2**25, 4


def bucketed(length):
    """Round a length up, by at most a quarter or 7, so that one program serves several.

    Example:

    >>> bucketed(20), bucketed(4097)
    (24, 5120)
    """
    step = max(2 ** (int(length - 1).bit_length() - 3), 8)
    return -(-length // step) * step


class CompiledDecoding:
    """Compiles `prefill`, `step` and the choice of tokens, once for each shape.

    Mixin. Must precede `keras_hub.models.CausalLM` in the bases.
    """

    def compile(self, *args, sampler="top_k", **kwargs):
        """Configure training and generation; see `keras_hub.models.CausalLM`.

        Args:
            *args: optimizer and loss.
            sampler: str, or `keras_hub.samplers.Sampler`. A `temperature` of 0 makes
                any of them greedy, and a `k` above the vocabulary's size stands for
                all tokens. Defaults to `"top_k"`.
            **kwargs: See `keras_hub.models.CausalLM`.

        Raises:
            ValueError: If an argument of the sampler is out of its range, or the
                sampler cannot be used with one model.
        """
        sampler = keras_hub.samplers.get(sampler)
        check_sampler(sampler)
        super().compile(*args, sampler=sampler, **kwargs)

    def usable_sampler(self, stop_token_ids=None):
        """Return the compiled sampler with arguments that the model can use."""
        size = self.backbone.vocabulary_size
        return usable_sampler(self.sampler, size - len(self.forbidden(stop_token_ids)))

    def forbidden(self, stop_token_ids):
        """Return the ids that are never written if `stop_token_ids` end a text."""
        size = self.backbone.vocabulary_size
        return forbidden_token_ids(self._tokenizer(), stop_token_ids, size)

    def end_token_ids(self):
        """Return the ids that end a text according to the tokenizer, a tuple of int."""
        return end_token_ids(self._tokenizer())

    def state_length(self, max_length):
        """Return the rounded length of a state for texts of `max_length` tokens."""
        limit = self.context_length
        if limit is None:
            return bucketed(max_length)
        # `initial_state` refuses a length beyond the limit.
        return max(min(bucketed(max_length), limit), max_length)

    @property
    def tokens_a_call(self):
        """int, how many tokens `stream` writes in one call of `compiled_next`."""
        return _TOGETHER if self.count_params() <= _SMALL else 1

    def compiled_prefill(self, token_ids, padding_mask, state, *masks):
        """Call `prefill`, compiled once for each shape."""
        self.check_token_ids(token_ids)
        return self._compiled("prefill")(token_ids, padding_mask, state, *masks)

    def compiled_step(self, token_ids, state):
        """`step`, compiled once for each shape."""
        self.check_token_ids(token_ids)
        return self._compiled("step")(token_ids, state)

    def compiled_encode(self, inputs):
        """Call `encode`, compiled once for each shape."""
        return self._compiled("encode")(inputs)

    def compiled_choice(self, draws, logits):
        """Choose the tokens that follow the logits of a step: int tensor `(batch,)`.

        `draws` is a list of tensors `(1, batch, ...)`, see `RowDraws`. The only special
        token that is ever chosen is the end of a text.
        """
        stop_ids = self.end_token_ids()
        function = functools.partial(self._choice, stop_ids, 0)
        return self._compiled(("choice", stop_ids), function)(draws, logits)

    def compiled_next(self, draws, token_ids, state, num_tokens=1):
        """Call `step` and choose tokens `num_tokens` times in one program.

        Args:
            draws: list of tensors `(num_tokens, batch, ...)`, see `RowDraws`.
            token_ids: int tensor `(batch,)`.
            state: see `step`; on JAX it cannot be used again.
            num_tokens: int. Defaults to `1`.

        Returns:
            `(token_ids, state)`, the ids `(batch, num_tokens)`.
        """
        stop_ids = self.end_token_ids()
        function = functools.partial(self._next, stop_ids, num_tokens)
        name = ("next", stop_ids, num_tokens)
        return self._compiled(name, function, donated=2)(draws, token_ids, state)

    def compiled_loop(self, stop_token_ids, num_tokens):
        """Return the loop that writes whole continuations, for `generate`.

        A row ends with a stop token, a stop sequence or its length, and is then filled
        up with the id `vocabulary_size`.

        Args:
            stop_token_ids: tuple of int, or None.
            num_tokens: int. The most tokens of a row.

        Returns:
            callable of the draws `(num_tokens, batch, ...)`, the logits after the
            prompts, the state, each row's length `(batch,)` and `stop_array`'s
            sequences or None; returns token ids `(batch, num_tokens)`.
        """
        function = functools.partial(self._loop, stop_token_ids, num_tokens)
        return self._compiled(("loop", stop_token_ids, num_tokens), function)

    def compiled_search(self, stop_token_ids, function):
        """Return the loop of a sampler that searches; see `search_generation`."""
        changed = self.sampler.variables
        return self._compiled(("search", stop_token_ids), function, changed=changed)

    def _tokenizer(self):
        return None if self.preprocessor is None else self.preprocessor.tokenizer

    def _choice(self, stop_token_ids, place, draws, logits):
        sampler = self.usable_sampler(stop_token_ids)
        forbidden = self.forbidden(stop_token_ids)
        logits = allowed_logits(logits, forbidden, sampler.temperature)
        row_draws = [ops.take(x, place, axis=0) for x in draws]
        return choose_tokens(sampler, row_draws, logits)  # (batch,)

    def _next(self, stop_token_ids, num_tokens, draws, token_ids, state):
        def write(place, carry):
            chosen, token_ids, state = carry
            logits, _, state = self.step(token_ids, state)
            token_ids = self._choice(stop_token_ids, place, draws, logits)
            chosen = ops.slice_update(chosen, (0, place), token_ids[:, None])
            return chosen, token_ids, state

        chosen = ops.zeros((token_ids.shape[0], num_tokens), dtype="int32")
        carry = chosen, token_ids, state
        chosen, _, state = ops.fori_loop(0, num_tokens, write, carry)
        return chosen, state

    def _loop(self, stop_token_ids, num_tokens, draws, logits, state, ends, stops):
        size = self.backbone.vocabulary_size
        # Columns in front, in which to look back for a stop token or sequence.
        margin = 1 if stops is None else stops.shape[1]

        def is_over(chosen, place):
            return row_is_over(
                chosen,
                margin + place,
                margin,
                margin + ends,
                size,
                stop_token_ids,
                stops,
            )

        def written(place, chosen, logits):
            token_ids = self._choice(stop_token_ids, place, draws, logits)
            token_ids = ops.where(is_over(chosen, place), size, token_ids)
            return ops.slice_update(chosen, (0, margin + place), token_ids[:, None])

        def write(place, chosen, state):
            column = ops.slice(chosen, (0, margin + place - 1), (chosen.shape[0], 1))
            last = ops.minimum(column[:, 0], size - 1)
            logits, _, state = self.step(last, state)
            return place + 1, written(place, chosen, logits), state

        def goes_on(place, chosen, _state):
            return ops.logical_not(ops.all(is_over(chosen, place)))

        chosen = ops.full((logits.shape[0], margin + num_tokens), size, dtype="int32")
        place = ops.zeros((), dtype="int32")
        carry = place + 1, written(place, chosen, logits), state
        _, chosen, _ = ops.while_loop(goes_on, write, carry)
        return chosen[:, margin:]

    def _compiled(self, name, choose=None, **options):
        """Compile the method `name`, or a function that chooses tokens.

        Both follow `run_eagerly` and `jit_compile`, and all functions alike: with XLA,
        TensorFlow draws different random numbers from the same seed.
        """
        function = getattr(self, name) if choose is None else choose
        if self.run_eagerly:
            return function
        functions = self.__dict__.setdefault("_compiled_functions", {})
        # What is best for training on a CPU, no XLA, is three times slower here.
        with_xla = self._asked_to_jit_compile is not False
        # `enable_lora` and `quantize` add variables, which an older program would not
        # read.
        key = (name, len(self.backbone.variables), with_xla)
        # A program holds the arguments of a sampler and the special tokens, which may
        # be changed.
        made_for = None
        if choose is not None:
            made_for = self.sampler, self.sampler.get_config(), self.forbidden(())
        before, compiled = functions.get(key, (None, None))
        if compiled is None or before != made_for:
            compiled = compiled_function(
                function, self, jit_compile=with_xla, **options
            )
            functions[key] = made_for, compiled
        return compiled


def row_is_over(token_ids, index, start, ends, end_id, stop_token_ids, stops):
    """Return which rows have ended before a column, bool `(rows,)`.

    Args:
        token_ids: int tensor `(rows, columns)`.
        index: int tensor. The column that is written next.
        start: int or int tensor, at least 1 and the longest stop sequence. The first
            column that was written.
        ends: int tensor `(rows,)`, the column at which each row must end.
        end_id: int. The id that fills up a row that is over.
        stop_token_ids: tuple of int, or None.
        stops: int tensor `(stops, length)`, see `stop_array`, or None.
    """
    last = _last(token_ids, index, 1)[:, 0]
    is_end = last == end_id
    for stop_id in stop_token_ids or ():
        is_end = ops.logical_or(is_end, last == stop_id)
    is_end = ops.logical_and(is_end, index > start)
    if stops is not None:
        recent = _last(token_ids, index, stops.shape[1])
        is_equal = ops.logical_or(recent[:, None] == stops, stops < 0)
        is_written = ops.sum(ops.cast(stops >= 0, "int32"), axis=1) <= index - start
        is_met = ops.logical_and(ops.all(is_equal, axis=-1), is_written)
        is_end = ops.logical_or(is_end, ops.any(is_met, axis=1))
    return ops.logical_or(is_end, index >= ends)


def _last(token_ids, index, length):
    """Return the columns before `index`, `(rows, length)`."""
    size = [ops.shape(token_ids)[0], length]
    return ops.slice(token_ids, [0, index - length], size)
