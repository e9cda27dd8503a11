"""Decoding with longkeras, on the backend that KERAS_BACKEND names.

What is timed is the compiled loop of `generate`, or `stream`, from the state that
reading the text before has left.
"""

import keras
import numpy as np
from keras import ops, tree

from benchmarks.contestants.decoding_setting import DecodingSetting
from benchmarks.registry import Workload
from longkeras.models import (
    ByteTokenizer,
    CausalTransformerBackbone,
    RecurrentBackbone,
    RecurrentCausalLM,
    RecurrentCausalLMPreprocessor,
    TransformerCausalLM,
    TransformerCausalLMPreprocessor,
)
from longkeras.models.generation.prompt_reading import (
    Prompts,
    bucketed,
    read,
)
from longkeras.models.generation.text_stream import TextStream


def prepare(**point):
    """The workload of a point: `DecodingSetting`'s arguments."""
    setting = DecodingSetting(**point)
    model = _model(setting)
    model.compile(sampler="greedy")
    is_stream = setting.contestant.endswith("_stream")
    run = _streaming(model, setting) if is_stream else _generating(model, setting)
    return Workload(
        run=run,
        facts=setting.facts(model.count_params()),
        arrays=lambda result: [np.asarray(result)],
    )


def _model(setting):
    sizes = {
        "vocabulary_size": setting.vocabulary_size,
        "num_layers": setting.num_layers,
        "hidden_dim": setting.hidden_dim,
        "seed": 0,
    }
    tokenizer, length = ByteTokenizer(), setting.length + setting.num_tokens
    if setting.model == "LSTM":
        preprocessor = RecurrentCausalLMPreprocessor(tokenizer, length)
        return RecurrentCausalLM(RecurrentBackbone(**sizes), preprocessor)
    backbone = CausalTransformerBackbone(
        num_heads=setting.num_heads,
        intermediate_dim=setting.intermediate_dim,
        attention_window=setting.reach,
        max_sequence_length=bucketed(length) if setting.reach is None else None,
        **sizes,
    )
    return TransformerCausalLM(
        backbone, TransformerCausalLMPreprocessor(tokenizer, length)
    )


def _state(model, token_ids):
    """The state after all tokens but the last."""
    prompts = Prompts.of(token_ids, np.ones_like(token_ids)).without_last()
    state = model.initial_state(1, model.context_length)
    for _, _, _, new_state in read(model.compiled_prefill, prompts, state):
        state = new_state
    return state


def _generating(model, setting):
    token_ids = setting.token_ids()
    cache = {"state": _state(model, token_ids)}
    width = bucketed(setting.length + setting.num_tokens)
    start = width - setting.num_tokens
    rows = np.zeros((1, width), "int32")
    rows[:, start - setting.length : start] = token_ids
    arguments = [
        ops.convert_to_tensor(rows),
        ops.convert_to_tensor(start, dtype="int32"),
        ops.convert_to_tensor([width], dtype="int32"),  # where the row is over
        cache,
        None,  # no stop sequences
        [],  # no random numbers
        None,  # no hidden states
    ]
    loop = model.compiled_sampling(None)

    def generate():
        return ops.convert_to_numpy(loop(*arguments))[:, start:]

    return generate


def _streaming(model, setting):
    token_ids = setting.token_ids()
    state = _state(model, token_ids)
    last = ops.convert_to_tensor(token_ids[:, -1])

    class PreparedStream(TextStream):
        """Begins where the text before was read."""

        def _read(self, ids, draws):
            own = state
            if keras.backend.backend() == "jax":  # gives its memory to the next
                own = tree.map_structure(ops.copy, state)
            chosen, own = self.model.compiled_next(draws.next(1), last, own)
            return chosen, own, None

    def prepared():
        # The start token counts.
        return PreparedStream(model, "", max_length=1 + setting.num_tokens)

    num_written = sum(1 for _ in prepared().token_ids())
    if num_written != setting.num_tokens:
        raise ValueError(f"The model ended its text after {num_written} tokens.")
    return lambda: "".join(prepared())
