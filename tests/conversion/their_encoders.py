"""Small BERTs, RoBERTas and XLM-Rs of `transformers`, and what they say."""

import json

import numpy as np

# Of each: the prefix of its classes, the rows of its table before the first text, and
# the padding.
CONFIGS = {
    "bert": ("Bert", 0),
    "roberta": ("Roberta", 2),
    "xlm-roberta": ("XLMRoberta", 2),
}
SHORT = 24


def their_model(family, ending, **options):
    """A model of two layers with random weights, drawn wide.

    Args:
        family: str, a key of `CONFIGS`.
        ending: str. What follows the family in the name of the class.
        **options: of the configuration.

    Returns:
        A PyTorch model that is not training.
    """
    import torch
    import transformers

    prefix, first_rows = CONFIGS[family]
    settings = {
        "vocab_size": 40,
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 12,
        "max_position_embeddings": SHORT + first_rows,
        "type_vocab_size": 2,
    }
    torch.manual_seed(0)
    config = getattr(transformers, f"{prefix}Config")(**{**settings, **options})
    model = getattr(transformers, f"{prefix}{ending}")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


def their_folder(model, folder, **config):
    """Saves a model, and changes its `config.json`.

    Args:
        model: A PyTorch model.
        folder: path.
        **config: entries that are changed.

    Returns:
        path, `folder`.
    """
    model.save_pretrained(folder)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return folder


def their_outputs(model, inputs):
    """What a model of theirs says.

    Args:
        model: A PyTorch model.
        inputs: dict of arrays by our names.

    Returns:
        dict of arrays by their names.
    """
    import torch

    names = {
        "token_ids": "input_ids",
        "padding_mask": "attention_mask",
        "segment_ids": "token_type_ids",
    }
    given = {names[name]: torch.tensor(x).long() for name, x in inputs.items()}
    with torch.no_grad():
        outputs = model(**given)
    return {name: np.array(x) for name, x in outputs.items() if hasattr(x, "shape")}
