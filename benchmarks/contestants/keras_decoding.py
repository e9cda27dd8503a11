"""Decoding with longkeras, on the backend named by KERAS_BACKEND.

Times the compiled loop of `generate`, or `stream`, from the state after reading the
prompt.
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
from longkeras.models.generation.compiled_decoding import bucketed
from longkeras.models.generation.options import GenerationOptions
from longkeras.models.generation.text_generation import CompiledChoice, TextStream
from longkeras.text.token_loop import Prompts, read_prompts, token_calls


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


def _read(model, prompts):
    """The logits after the prompts, and the state."""
    state = model.initial_state(1, model.context_length)
    *_, (logits, _, state) = read_prompts(model.compiled_prefill, prompts, state)
    return logits, state


def _generating(model, setting):
    token_ids = setting.token_ids()
    logits, state = _read(model, Prompts.of(token_ids))
    ends = ops.convert_to_tensor([setting.num_tokens], dtype="int32")
    num_tokens = bucketed(setting.length + setting.num_tokens)
    loop = model.compiled_loop(None, num_tokens)

    def generate():
        # No random numbers, and no stop sequences.
        written = loop([], logits, state, ends, None)
        return ops.convert_to_numpy(written)[:, : setting.num_tokens]

    return generate


def _streaming(model, setting):
    token_ids = setting.token_ids()
    _, state = _read(model, Prompts.of(token_ids).without_last())
    last = ops.convert_to_tensor(token_ids[:, -1])

    class PreparedChoice(CompiledChoice):
        """Starts from the state after the prompt."""

        def first(self, logits, empty_state):
            own = state
            if keras.backend.backend() == "jax":  # gives its memory to the next
                own = tree.map_structure(ops.copy, state)
            return self.next(last, own, 1)

    class PreparedStream(TextStream):
        """Stream that does not read the prompt again."""

        def calls(self, prompt, encoder_inputs):
            choice = PreparedChoice(self.model, self.sampler, None, prompt)
            together = self.model.tokens_a_call
            return token_calls(self.model, prompt.without_last(), choice, together)

    options = GenerationOptions.of(model)

    def prepared():
        # The start token counts.
        return PreparedStream(model, "", options, max_length=1 + setting.num_tokens)

    num_written = sum(1 for _ in prepared().token_ids(model.prompt_inputs("")))
    if num_written != setting.num_tokens:
        raise ValueError(f"The model ended its text after {num_written} tokens.")
    return lambda: "".join(prepared())
