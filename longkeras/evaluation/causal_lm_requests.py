"""KerasHub's causal language models as text in, text out."""

import keras
import numpy as np

from longkeras.evaluation.greedy_options import check_greedy
from longkeras.evaluation.text_requests import MAX_NEW_TOKENS, cut_at_stop


class CausalLMTextModel:
    """A KerasHub `CausalLM` with its preprocessor as a `TextModel`.

    Works by duck typing: on anything that is called with `token_ids` and
    `padding_mask`, gives logits, and has `preprocessor.tokenizer` and `generate`. A
    text longer than `sequence_length` is read in windows, each from the one token
    before it; of a long context the end is read.

    Args:
        causal_lm: `keras_hub.models.CausalLM`. Continuations are drawn with the
            sampler that it was compiled with: `"greedy"` gives what a harness expects.
        sequence_length: int. Tokens in one call. Defaults to None: the
            preprocessor's.

    Raises:
        ValueError: Without a preprocessor.

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
        self.tokenizer = preprocessor.tokenizer
        self.sequence_length = sequence_length or preprocessor.sequence_length

    def loglikelihood(self, requests):
        """See `TextModel.loglikelihood`."""
        answers = []
        for context, continuation in requests:
            start, whole = self._ids(""), self._ids(context + continuation)
            # A token across the border belongs to the continuation.
            first = _common_length(whole, self._ids(context))
            first = max(first, len(start))
            answers.append(self._score(whole, first))
        return answers

    def loglikelihood_rolling(self, requests):
        """See `TextModel.loglikelihood_rolling`."""
        first = len(self._ids(""))
        return [self._score(self._ids(text), first)[0] for text in requests]

    def generate_until(self, requests):
        """See `TextModel.generate_until`."""
        return [self._generate(context, **options) for context, options in requests]

    def _ids(self, text):
        ids = np.asarray(self.tokenizer(text)).tolist() if text else []
        start = getattr(self.tokenizer, "start_token_id", None)
        if start is None:
            start = getattr(self.tokenizer, "end_token_id", None)
        return [start, *ids]

    def _score(self, ids, first):
        """Log-probability of the ids from `first` on, in as many windows as needed."""
        total, is_greedy = 0.0, True
        while first < len(ids):
            end = min(len(ids), first + self.sequence_length)
            if end == len(ids):
                # The last window, or the only one, has all the context that fits.
                begin = max(0, end - 1 - self.sequence_length)
            else:
                begin = first - 1
            logits = self._logits(ids[begin : end - 1])[first - 1 - begin :]
            targets = np.array(ids[first:end])
            logits = logits - logits.max(axis=-1, keepdims=True)
            log_probabilities = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            places = np.arange(len(targets))
            total += float(log_probabilities[places, targets].sum())
            is_greedy &= bool((logits.argmax(axis=-1) == targets).all())
            first = end
        return total, is_greedy

    def _logits(self, ids):
        token_ids = np.zeros((1, self.sequence_length), dtype=np.int32)
        token_ids[0, : len(ids)] = ids
        mask = np.arange(self.sequence_length)[None] < len(ids)
        # `CausalLM.predict` would take strings and preprocess them.
        logits = keras.Model.predict_on_batch(
            self.causal_lm,
            {"token_ids": token_ids, "padding_mask": mask.astype("int32")},
        )
        return np.asarray(logits, dtype=np.float64)[0, : len(ids)]

    def _generate(self, context, until=(), max_gen_toks=MAX_NEW_TOKENS, **options):
        check_greedy(options)
        stops = [until] if isinstance(until, str) else list(until or ())
        max_length = len(self._ids(context)) + max_gen_toks
        text = self.causal_lm.generate(
            context, max_length=max_length, strip_prompt=True
        )
        return cut_at_stop(text, stops)


def _common_length(first, second):
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return place
    return min(len(first), len(second))
