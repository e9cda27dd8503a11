"""Hugging Face's `generate` with its cache, eager on the CPU."""

import copy

import torch
import transformers

from benchmarks.contestants.decoding_setting import DecodingSetting
from benchmarks.registry import Workload


def prepare(**point):
    """The workload of a point: `DecodingSetting`'s arguments."""
    setting = DecodingSetting(**point)
    model = _model(setting).eval()
    token_ids = torch.from_numpy(setting.token_ids()).long()
    with torch.no_grad():
        read = model(token_ids[:, :-1], use_cache=True).past_key_values
    arguments = {
        "attention_mask": torch.ones_like(token_ids),
        "max_new_tokens": setting.num_tokens,
        "do_sample": False,
    }

    def generate():
        # A window's cache is small; the other is cut back to what was read.
        cache = read if setting.reach is None else copy.deepcopy(read)
        ids = model.generate(token_ids, past_key_values=cache, **arguments)
        if setting.reach is None:
            cache.crop(setting.length - 1 - cache.get_seq_length())
        return ids[:, setting.length :]

    return Workload(
        run=generate,
        facts=setting.facts(model.num_parameters()),
        arrays=lambda result: [result.numpy()],
    )


def _model(setting):
    torch.manual_seed(0)
    sizes = {
        "vocab_size": setting.vocabulary_size,
        "hidden_size": setting.hidden_dim,
        "intermediate_size": setting.intermediate_dim,
        "num_hidden_layers": setting.num_layers,
        "num_attention_heads": setting.num_heads,
        "num_key_value_heads": setting.num_heads,
        "max_position_embeddings": setting.length + setting.num_tokens,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": None,
    }
    if setting.reach is None:
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes))
    config = transformers.MistralConfig(sliding_window=setting.reach, **sizes)
    return transformers.MistralForCausalLM(config)
