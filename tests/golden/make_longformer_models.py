"""Writes longformer_models/: tiny checkpoints of Hugging Face, and what they give.

A folder per class of `transformers`, each with `config.json` and `model.safetensors`;
`outputs.npz` with inputs and outputs, `gradients.npz`. Needs PyTorch and transformers;
the tests that read the files do not.

    python -m tests.golden.make_longformer_models
"""

import pathlib

import numpy as np

GOLDEN_FOLDER = pathlib.Path(__file__).with_name("longformer_models")
OUTPUTS_FILE = GOLDEN_FOLDER / "outputs.npz"
GRADIENTS_FILE = GOLDEN_FOLDER / "gradients.npz"

ARCHITECTURES = {
    "backbone": "LongformerModel",
    "masked_lm": "LongformerForMaskedLM",
    "text_classifier": "LongformerForSequenceClassification",
    "question_answerer": "LongformerForQuestionAnswering",
    "token_classifier": "LongformerForTokenClassification",
}
SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 34,
    "attention_window": [4, 6],
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-5,
    "bos_token_id": 0,
    "sep_token_id": 2,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
LENGTH, PADDING_ID, SEPARATOR_ID = 21, 1, 2


def awkward():
    """One row each: left padding, holes, nothing real, all real; few and many globals.

    Returns:
        dict of int32 arrays `(4, 21)`, by the names of our inputs.
    """
    rng = np.random.default_rng(0)
    inputs = _text(rng, 4, LENGTH)
    mask = inputs["padding_mask"]
    mask[0, :6] = 0
    mask[1] = rng.random(LENGTH) > 0.3
    mask[1, 0] = 1
    mask[2] = 0
    # Of the holes, some are text that is not to be seen.
    inputs["token_ids"][(mask == 0) & (rng.random(mask.shape) > 0.2)] = PADDING_ID
    inputs["global_attention_mask"][0, [6]] = 1
    inputs["global_attention_mask"][1] = rng.random(LENGTH) < 0.4
    return inputs


def global_rows():
    """No global token, one, many, and nothing but global tokens.

    Returns:
        dict of int32 arrays `(4, 21)`, by the names of our inputs.
    """
    inputs = _text(np.random.default_rng(1), 4, LENGTH)
    for row, places in enumerate(([], [20], range(0, 21, 3), range(21))):
        inputs["global_attention_mask"][row, list(places)] = 1
    inputs["padding_mask"][1, :3] = 0
    inputs["padding_mask"][2, 15:] = 0
    return inputs


def one_token():
    """Texts of one token, half of them global.

    Returns:
        dict of int32 arrays `(4, 1)`, by the names of our inputs.
    """
    inputs = _text(np.random.default_rng(2), 4, 1)
    inputs["global_attention_mask"][:2] = 1
    return inputs


def no_mask():
    """Nothing says which tokens are global, so each class has its rule.

    Returns:
        dict of int32 arrays `(4, 21)`, by the names of our inputs.
    """
    inputs = _text(np.random.default_rng(3), 4, LENGTH)
    del inputs["global_attention_mask"]
    # Three separators a row, or theirs refuses to look for the question.
    inputs["token_ids"][:2, [5, 6, 20]] = SEPARATOR_ID
    inputs["token_ids"][2:, [1, 2, 15]] = SEPARATOR_ID
    inputs["padding_mask"][2:, 16:] = 0
    inputs["token_ids"][2:, 16:] = PADDING_ID
    return inputs


CASES = {
    "awkward": awkward,
    "global_rows": global_rows,
    "one_token": one_token,
    "no_mask": no_mask,
}
GRADIENT_CASE = "global_rows"


def mask_positions(batch_size, length):
    """Where a masked language model is asked, the same places in each row.

    Args:
        batch_size: int.
        length: int.

    Returns:
        int32 array `(batch_size, 3)`.
    """
    places = np.array([0, length // 2, length - 1], "int32")
    return np.tile(places, (batch_size, 1))


def loss_weights(padding_mask):
    """What the gradients' loss multiplies the hidden states with before it adds them.

    Args:
        padding_mask: int array `(batch, sequence)`.

    Returns:
        float32 array `(batch, sequence, hidden)`, 0 at padding.
    """
    shape = (*padding_mask.shape, SIZES["hidden_size"])
    weights = np.random.default_rng(4).normal(size=shape)
    return (weights * padding_mask[..., None]).astype("float32")


def _text(rng, batch_size, length):
    shape = (batch_size, length)
    return {
        "token_ids": rng.integers(3, SIZES["vocab_size"], shape).astype("int32"),
        "padding_mask": np.ones(shape, "int32"),
        "global_attention_mask": np.zeros(shape, "int32"),
        "segment_ids": rng.integers(0, 2, shape).astype("int32"),
    }


def _their_model(name, seed):
    import torch
    import transformers

    torch.manual_seed(seed)
    num_labels = 2 if name == "question_answerer" else 3
    config = transformers.LongformerConfig(**SIZES, num_labels=num_labels)
    model = getattr(transformers, ARCHITECTURES[name])(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


def _their_outputs(model, inputs):
    """Theirs of the inputs behind so much padding that every window divides it."""
    import torch

    length = inputs["token_ids"].shape[1]
    widths = [(0, 0), (0, -length % int(np.lcm.reduce(SIZES["attention_window"])))]
    padded = {
        name: torch.tensor(np.pad(x, widths, constant_values=int(name == "token_ids")))
        for name, x in inputs.items()
    }
    outputs = model(
        input_ids=padded["token_ids"],
        attention_mask=padded["padding_mask"],
        global_attention_mask=padded.get("global_attention_mask"),
        token_type_ids=padded["segment_ids"],
    )
    return {
        name: x[:, :length] if x.ndim > 2 or name.endswith("_logits") else x
        for name, x in outputs.items()
    }


def _under_our_names(outputs):
    names = {"last_hidden_state": "sequence_output", "pooler_output": "pooled_output"}
    return {names.get(x, x): value.detach().numpy() for x, value in outputs.items()}


def _gradients(model, inputs):
    import torch

    outputs = _their_outputs(model, inputs)
    weights = torch.tensor(loss_weights(inputs["padding_mask"]))
    loss = (outputs["last_hidden_state"] * weights).sum()
    (loss + outputs["pooler_output"].sum()).backward()
    return {name: x.grad.numpy() for name, x in model.named_parameters()}


def main():
    """Write the checkpoints, and the files of what they give."""
    contents = {}
    for case, make in CASES.items():
        contents.update({f"{case}/{key}": x for key, x in make().items()})
    for seed, name in enumerate(ARCHITECTURES):
        model = _their_model(name, seed)
        model.save_pretrained(GOLDEN_FOLDER / name)
        for case, make in CASES.items():
            inputs = make()
            outputs = _under_our_names(_their_outputs(model, inputs))
            if name == "masked_lm":
                rows = np.arange(len(inputs["token_ids"]))[:, None]
                places = mask_positions(*inputs["token_ids"].shape)
                outputs = {"logits": outputs["logits"][rows, places]}
            for key, x in outputs.items():
                contents[f"{case}/{name}/{key}"] = x
        if name == "backbone":
            gradients = _gradients(model, CASES[GRADIENT_CASE]())
            np.savez_compressed(GRADIENTS_FILE, **gradients)
    np.savez_compressed(OUTPUTS_FILE, **contents)


if __name__ == "__main__":
    main()
