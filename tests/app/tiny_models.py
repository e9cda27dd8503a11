"""Three small models with random weights in a folder with a manifest.

For tests only: they stand where trained ones are not there yet, and are titled so
that nobody takes what they write for the work of a trained model.
"""

import hashlib
import json

FAMILIES = {
    "byte-lstm": "lstm",
    "byte-transformer-full": "full_attention",
    "byte-longformer": "sliding_window",
}


def write_tiny_models(folder):
    """Write the models and their manifest, and return the folder."""
    entries = []
    for name, model in _models().items():
        model.save_to_preset(str(folder / name))
        files = sorted(path for path in (folder / name).rglob("*") if path.is_file())
        entries.append(
            {
                "name": name,
                "path": name,
                "title": f"Untrained {name}",
                "title_zh": f"未训练 {name}",
                "family": FAMILIES[name],
                "parameters": model.count_params(),
                "sha256": {
                    str(path.relative_to(folder / name)): _digest(path)
                    for path in files
                },
            }
        )
    content = json.dumps({"models": entries}, ensure_ascii=False)
    (folder / "manifest.json").write_text(content, encoding="utf-8")
    return folder


def _models():
    from longkeras import models

    tokenizer = models.ByteTokenizer()

    def transformer(**options):
        backbone = models.CausalTransformerBackbone(
            vocabulary_size=259,
            num_layers=2,
            num_heads=2,
            hidden_dim=16,
            intermediate_dim=32,
            seed=1,
            **options,
        )
        preprocessor = models.TransformerCausalLMPreprocessor(
            tokenizer, sequence_length=64
        )
        return models.TransformerCausalLM(backbone, preprocessor)

    recurrent = models.RecurrentCausalLM(
        models.RecurrentBackbone(
            vocabulary_size=259, num_layers=1, hidden_dim=24, seed=1
        ),
        models.RecurrentCausalLMPreprocessor(tokenizer, sequence_length=64),
    )
    return {
        "byte-lstm": recurrent,
        "byte-transformer-full": transformer(max_sequence_length=256),
        "byte-longformer": transformer(attention_window=[16, 64]),
    }


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
