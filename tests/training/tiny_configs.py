"""The language model recipe with models that train in a second.

python -m tests.training.tiny_configs --model tiny-lstm --output runs/tiny

With `XLA=1` in the environment it compiles as long runs do.
"""

import os
import sys

from longkeras.fitting import compiling
from training.model_configs import LanguageModelConfig
from training.recipes import language_model

_FAMILIES = {
    "tiny-lstm": {"family": "lstm"},
    "tiny-full": {"family": "full_attention", "num_heads": 2, "intermediate_dim": 8},
    "tiny-window": {
        "family": "sliding_window",
        "num_heads": 2,
        "intermediate_dim": 8,
        "attention_window": (4,),
        "ngram_head_sizes": (2, 3),
        "stages": 2,
    },
}
TINY_CONFIGS = {
    name: LanguageModelConfig(
        name=name,
        title=name,
        num_layers=1,
        hidden_dim=8,
        sequence_length=16,
        batch_size=2,
        learning_rate=0.01,
        steps=4,
        warmup_steps=1,
        # The plateau alone, so that a run may be continued to any later end.
        decay_fraction=0.0,
        **family,
    )
    for name, family in _FAMILIES.items()
}

if __name__ == "__main__":
    language_model.MODEL_CONFIGS.update(TINY_CONFIGS)
    if os.environ.get("XLA"):
        compiling.should_jit_compile = lambda *_: True
    language_model.main(sys.argv[1:])
