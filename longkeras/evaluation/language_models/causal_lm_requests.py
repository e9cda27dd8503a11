"""KerasHub's causal language models as text in, text out."""

import keras
import numpy as np

from longkeras.evaluation.language_models.text_requests import (
    GreedyRequests,
    fitting_request,
    score_continuations,
)
from longkeras.text.samplers import usable_sampler


class CausalLMTextModel(GreedyRequests):
    """A KerasHub `CausalLM` with its preprocessor as a `TextModel`.

    Works with any model that maps `token_ids` and `padding_mask` to logits and has
    `preprocessor` and `make_generate_function`. Every text is read from a start token.
    If a context is longer than the model's, its end is read; a longer continuation is
    read in strides of half the model's length. A model with the decode contract carries
    its state from call to call, up to its `context_length`; any other model scores at
    most `sequence_length` tokens.

    Args:
        causal_lm: `keras_hub.models.CausalLM`. Continuations are drawn with the
            sampler that it was compiled with; a harness expects `"greedy"`.
        sequence_length: int. Tokens in one call. Defaults to `None`: the
            preprocessor's.

    Raises:
        ValueError: If there is no preprocessor, or its tokenizer has neither a start
            token nor an end token.

    Example:

    ```python
    from longkeras.evaluation import CausalLMTextModel
    from longkeras.models import ByteTokenizer, RecurrentBackbone
    from longkeras.models import RecurrentCausalLM, RecurrentCausalLMPreprocessor

    causal_lm = RecurrentCausalLM(
        RecurrentBackbone(vocabulary_size=259, num_layers=1, hidden_dim=8),
        RecurrentCausalLMPreprocessor(ByteTokenizer(), sequence_length=32),
    )
    text_model = CausalLMTextModel(causal_lm)
    ((loglikelihood, is_greedy),) = text_model.loglikelihood([("Call me", " Ishmael")])
    ```
    """

    def __init__(self, causal_lm, sequence_length=None):
        preprocessor = causal_lm.preprocessor
        if preprocessor is None:
            raise ValueError(
                "`causal_lm` needs a `preprocessor`. Received: preprocessor=None"
            )
        self.causal_lm = causal_lm
        self.preprocessor = preprocessor
        self.tokenizer = preprocessor.tokenizer
        self.start_id = self._start_id()
        self.sequence_length = sequence_length or preprocessor.sequence_length
        self._has_state = hasattr(causal_lm, "compiled_prefill")
        self._reader = causal_lm
        if not self._has_state:
            self._reader = _WithoutState(causal_lm, self.sequence_length)

    def loglikelihood(self, requests):
        """See `TextModel.loglikelihood`."""
        texts = []
        for context, continuation in requests:
            whole = self._ids(context + continuation)
            # A token across the border belongs to the continuation.
            texts.append((whole, _common_length(whole, self._ids(context))))
        return self._scores(texts)

    def _start_id(self):
        for name in ("start_token_id", "end_token_id"):
            start_id = getattr(self.tokenizer, name, None)
            if start_id is not None:
                return int(start_id)
        raise ValueError(
            "`causal_lm` needs a tokenizer with a start token or an end token, from "
            f"which a text can begin. Received: tokenizer={self.tokenizer!r}"
        )

    def _ids(self, text):
        ids = self.tokenizer(text) if text else []
        return np.asarray(ids).astype("int32").reshape(-1)

    def _scores(self, texts):
        return score_continuations(
            self._reader, texts, self.start_id, self.sequence_length, batch_size=1
        )

    def _continuation(self, context, _stops, max_new_tokens):
        prompt, max_new_tokens = fitting_request(
            self._prompt(context), max_new_tokens, self._longest()
        )
        length = len(prompt)
        # KerasHub takes an end token where the mask is False for a generated one.
        padding = min({0, 1, 2} - set(self._stop_ids() or ()))
        token_ids = np.full((1, length + max_new_tokens), padding, dtype="int32")
        token_ids[0, :length] = prompt
        mask = np.arange(token_ids.shape[1])[None] < length
        inputs = {"token_ids": token_ids, "padding_mask": mask}
        outputs = self._generated(inputs)
        before = self._text(token_ids[:, :length], mask[:, :length])
        text = self._text(outputs["token_ids"], outputs["padding_mask"])
        return text[len(before) :]

    def _generated(self, inputs):
        model = self.causal_lm
        before = model.sampler, model.generate_function
        if not self._has_state:  # the decode contract includes this
            sampler = usable_sampler(model.sampler, model.backbone.vocabulary_size)
            if sampler is not model.sampler:
                model.sampler, model.generate_function = sampler, None
        try:
            function = model.make_generate_function()
            return function(inputs, stop_token_ids=self._stop_ids())
        finally:
            if model.sampler is not before[0]:
                model.sampler, model.generate_function = before

    def _prompt(self, context):
        """The ids that `generate` begins with, without truncation."""
        inputs = self.preprocessor.generate_preprocess(
            [context], sequence_length=len(self._ids(context)) + 1
        )
        ids, mask = (
            np.asarray(keras.ops.convert_to_numpy(inputs[name]))[0]
            for name in ("token_ids", "padding_mask")
        )
        return ids[mask.astype(bool)]

    def _longest(self):
        """The most tokens of context and continuation together, or None."""
        if self._has_state:
            return self._reader.context_length
        limit = getattr(self.causal_lm.backbone, "max_sequence_length", None)
        return limit or self.sequence_length

    def _stop_ids(self):
        names = ("end_token_id", "end_token2_id")
        ids = (getattr(self.tokenizer, name, None) for name in names)
        return tuple(i for i in ids if i is not None) or None

    def _text(self, token_ids, padding_mask):
        (text,) = self.preprocessor.generate_postprocess(
            {"token_ids": token_ids, "padding_mask": padding_mask}
        )
        return text


class _WithoutState:
    """A model without a decode contract, which reads each segment in one call."""

    def __init__(self, causal_lm, context_length):
        self.causal_lm = causal_lm
        self.context_length = context_length

    def initial_state(self, batch_size, max_length=None):
        return None

    def compiled_prefill(self, token_ids, padding_mask, _state):
        # `CausalLM.predict` would take strings and preprocess them.
        logits = keras.Model.predict_on_batch(
            self.causal_lm,
            {"token_ids": token_ids, "padding_mask": padding_mask.astype("int32")},
        )
        return logits, None, None


def _common_length(first, second):
    shortest = min(len(first), len(second))
    is_equal = first[:shortest] == second[:shortest]
    return shortest if is_equal.all() else int(np.argmin(is_equal))
