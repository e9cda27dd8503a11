"""Checkpoints of `transformers` read here, and ours read there, number by number."""

import json

import keras
import numpy as np
import pytest

from longkeras.conversion import from_huggingface, to_huggingface
from longkeras.conversion.families.longformer import backbone_weights
from longkeras.models import (
    LongformerBackbone,
    LongformerMaskedLM,
    LongformerTokenizer,
)

pytestmark = pytest.mark.parity

ARCHITECTURES = {
    "backbone": "LongformerModel",
    "masked_lm": "LongformerForMaskedLM",
    "text_classifier": "LongformerForSequenceClassification",
    "question_answerer": "LongformerForQuestionAnswering",
    "token_classifier": "LongformerForTokenClassification",
}
TOLERANCE = 2e-5
LENGTH = 21
MASKED = np.array([[1, 5, 9]] * 2)
WEIGHTED = ("prelu", "xielu")

each_task = pytest.mark.parametrize("task", ARCHITECTURES)


def their_model(task, **options):
    import torch
    import transformers

    torch.manual_seed(0)
    settings = {
        "vocab_size": 40,
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 12,
        "max_position_embeddings": 66,
        "attention_window": [4, 8],
        "type_vocab_size": 2,
        "num_labels": 2 if task == "question_answerer" else 3,
        "layer_norm_eps": 1e-5,
    }
    config = transformers.LongformerConfig(**{**settings, **options})
    model = getattr(transformers, ARCHITECTURES[task])(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


def inputs():
    random = np.random.default_rng(1)
    token_ids = random.integers(3, 40, (2, LENGTH))
    token_ids[:, 0] = 0
    token_ids[:, [6, 7, LENGTH - 3]] = 2
    padding_mask = np.ones((2, LENGTH), int)
    padding_mask[1, LENGTH - 2 :] = 0
    token_ids[padding_mask == 0] = 1
    return token_ids, padding_mask


def their_outputs(model, task):
    import torch

    token_ids, padding_mask = (torch.tensor(x) for x in inputs())
    with torch.no_grad():
        outputs = model(token_ids, attention_mask=padding_mask)
    if task == "backbone":
        found = {
            "sequence_output": outputs.last_hidden_state,
            "pooled_output": outputs.pooler_output,
        }
    elif task == "question_answerer":
        found = {"start": outputs.start_logits, "end": outputs.end_logits}
    elif task == "masked_lm":
        rows = np.arange(2)[:, None]
        found = {"logits": outputs.logits[rows, MASKED]}
    else:
        found = {"logits": outputs.logits}
    return {name: x.numpy() for name, x in found.items() if x is not None}


def our_outputs(model, task):
    token_ids, padding_mask = inputs()
    given = {"token_ids": token_ids, "padding_mask": padding_mask}
    if task == "masked_lm":
        given["mask_positions"] = MASKED
    outputs = model(given)
    if not isinstance(outputs, dict):
        outputs = {"logits": outputs}
    return {
        name.removesuffix("_logits"): keras.ops.convert_to_numpy(x)
        for name, x in outputs.items()
    }


def assert_equal(ours, theirs, tolerance=TOLERANCE):
    assert set(ours) == set(theirs)
    is_real = inputs()[1].astype(bool)
    for name, expected in theirs.items():
        actual = ours[name]
        if expected.shape[:2] == is_real.shape:
            actual, expected = actual[is_real], expected[is_real]
        np.testing.assert_allclose(actual, expected, atol=tolerance, rtol=tolerance)


def num_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


@each_task
def test_a_checkpoint_gives_their_numbers(task, tmp_path):
    theirs = their_model(task)
    theirs.save_pretrained(tmp_path)
    ours = from_huggingface(tmp_path)
    assert_equal(our_outputs(ours, task), their_outputs(theirs, task))
    assert ours.count_params() == num_parameters(theirs)


@each_task
def test_they_read_what_we_write(task, tmp_path):
    import transformers

    theirs = their_model(task, hidden_act="gelu_new", pad_token_id=1)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = from_huggingface(tmp_path / "theirs")
    to_huggingface(ours, tmp_path / "ours")
    kind = getattr(transformers, ARCHITECTURES[task])
    again, report = kind.from_pretrained(
        tmp_path / "ours", output_loading_info=True, torch_dtype="auto"
    )
    assert not any(report.values()), report
    assert_equal(their_outputs(again.eval(), task), their_outputs(theirs, task), 1e-6)
    for name, parameter in theirs.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[name], parameter)


def saved_as_bin(model, folder, **options):
    import torch

    model.config.save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["architectures"] = [type(model).__name__]
    path.write_text(json.dumps(config))
    state = model.state_dict()
    state["longformer.embeddings.position_ids"] = torch.arange(66).expand((1, -1))
    torch.save(state, folder / "pytorch_model.bin", **options)


LAYOUTS = {
    "several files": lambda model, folder: model.save_pretrained(
        folder, max_shard_size="3KB"
    ),
    "bin": saved_as_bin,
    "older bin": lambda model, folder: saved_as_bin(
        model, folder, _use_new_zipfile_serialization=False
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_files_is_read(layout, tmp_path):
    theirs = their_model("masked_lm")
    LAYOUTS[layout](theirs, tmp_path)
    ours = from_huggingface(tmp_path)
    assert_equal(our_outputs(ours, "masked_lm"), their_outputs(theirs, "masked_lm"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_read_into_float32(dtype, tmp_path):
    import torch

    theirs = their_model("masked_lm").to(getattr(torch, dtype))
    theirs.save_pretrained(tmp_path)
    ours = from_huggingface(tmp_path)
    assert ours.backbone.token_embedding.embeddings.dtype == "float32"
    expected = their_outputs(theirs.float(), "masked_lm")
    assert_equal(our_outputs(ours, "masked_lm"), expected)


def test_an_untied_output_stays_untied_there_and_back(tmp_path):
    import transformers

    theirs = their_model("masked_lm", tie_word_embeddings=False)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = from_huggingface(tmp_path / "theirs")
    expected = their_outputs(theirs, "masked_lm")
    assert not ours.backbone.tie_embedding_weights
    assert_equal(our_outputs(ours, "masked_lm"), expected)
    to_huggingface(ours, tmp_path / "ours")
    again = transformers.LongformerForMaskedLM.from_pretrained(tmp_path / "ours")
    assert_equal(their_outputs(again.eval(), "masked_lm"), expected, 1e-6)


def test_a_bare_model_without_a_pooler_has_none(tmp_path):
    theirs = their_model("backbone")
    theirs.pooler = None
    theirs.save_pretrained(tmp_path)
    ours = from_huggingface(tmp_path)
    assert not ours.use_pooler
    assert_equal(our_outputs(ours, "backbone"), their_outputs(theirs, "backbone"))


@pytest.mark.parametrize("activation", ["gelu_new", "quick_gelu", "relu", "silu"])
def test_the_activation_is_theirs(activation, tmp_path):
    theirs = their_model("backbone", hidden_act=activation)
    theirs.save_pretrained(tmp_path)
    ours = from_huggingface(tmp_path)
    assert_equal(our_outputs(ours, "backbone"), their_outputs(theirs, "backbone"))


@pytest.mark.parametrize("activation", WEIGHTED)
def test_an_activation_with_weights_is_theirs(activation, tmp_path):
    import transformers

    theirs = their_model("backbone", hidden_act=activation).float()
    theirs.save_pretrained(tmp_path / "theirs")
    ours = from_huggingface(tmp_path / "theirs", dropout=0.0)
    expected = their_outputs(theirs, "backbone")
    assert_equal(our_outputs(ours, "backbone"), expected)
    assert_gradients_equal(ours, theirs)
    to_huggingface(ours, tmp_path / "ours")
    # Not `theirs`: they round the numbers of xIELU to bfloat16 whenever they read.
    read, again = (
        transformers.LongformerModel.from_pretrained(
            tmp_path / name, output_loading_info=True, dtype="auto"
        )
        for name in ("theirs", "ours")
    )
    assert not any(again[1].values()), again[1]
    for name, value in read[0].state_dict().items():
        assert again[0].state_dict()[name].equal(value), name


def assert_gradients_equal(ours, theirs):
    """Those of a weighted sum of the hidden states, by every weight."""
    import torch

    token_ids, padding_mask = inputs()
    weights = np.random.default_rng(2).normal(size=(2, LENGTH, 8))
    weights = (weights * padding_mask[..., None]).astype("float32")
    given = {"token_ids": token_ids, "padding_mask": padding_mask}
    found = our_gradients(ours, given, weights)
    output = theirs(torch.tensor(token_ids), attention_mask=torch.tensor(padding_mask))
    (output.last_hidden_state * torch.tensor(weights)).sum().backward()
    expected = dict(theirs.named_parameters())
    for place in backbone_weights(ours):
        variable = place.variable(ours)
        if not variable.trainable or expected[place.tensor].grad is None:
            continue
        actual = keras.ops.convert_to_numpy(found[variable.path])
        actual = actual.T if place.transposed else actual
        gradient = expected[place.tensor].grad.numpy()
        scale = max(1.0, np.abs(gradient).max())
        np.testing.assert_allclose(
            actual / scale, gradient / scale, atol=TOLERANCE, err_msg=str(place)
        )


def our_gradients(model, given, weights):
    variables = model.trainable_variables
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            hidden_states = model(given)["sequence_output"]
            total = keras.ops.sum(hidden_states * weights)
        values = tape.gradient(total, [x.value for x in variables])
    else:
        import jax

        def total(values):
            fixed = [x.value for x in model.non_trainable_variables]
            outputs, _ = model.stateless_call(values, fixed, given)
            return keras.ops.sum(outputs["sequence_output"] * weights)

        values = jax.grad(total)([x.value for x in variables])
    return {
        variable.path: keras.ops.convert_to_tensor(value)
        for variable, value in zip(variables, values, strict=True)
        if value is not None
    }


def test_a_model_made_long_from_roberta_is_a_longformer(tmp_path):
    import safetensors.torch

    theirs = their_model("masked_lm")
    theirs.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config.update(model_type="roberta", architectures=["RobertaForMaskedLM"])
    path.write_text(json.dumps(config))
    state = {
        name.replace("longformer.", "roberta."): x.clone()
        for name, x in theirs.state_dict().items()
    }
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")
    ours = from_huggingface(tmp_path)
    assert_equal(our_outputs(ours, "masked_lm"), their_outputs(theirs, "masked_lm"))


def test_they_read_the_tokenizer_that_we_write(tmp_path):
    import transformers

    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "ab", "\u0120"]
    tokenizer = LongformerTokenizer.from_byte_pair(
        {token: i for i, token in enumerate(tokens)}, ["a b"]
    )
    backbone = LongformerBackbone(9, 1, 1, 4, 4, 4, max_sequence_length=16)
    preprocessor = LongformerMaskedLM.preprocessor_cls(tokenizer)
    to_huggingface(LongformerMaskedLM(backbone, preprocessor), tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    ids = theirs("abba ab", "<mask> b")["input_ids"]
    pair = tokenizer.pack(tokenizer("abba ab"), tokenizer("<mask> b"))
    assert ids == pair.token_ids.tolist()
    assert (theirs.pad_token, theirs.model_max_length) == ("<pad>", 16)
    assert theirs.decode(ids, skip_special_tokens=True) == "abba ab b"


def test_every_activation_is_the_function_of_that_name():
    import torch
    from transformers.activations import ACT2FN

    from longkeras.conversion.encoder_checkpoints import ACTIVATIONS, activation_of

    x = np.linspace(-12, 12, 101, dtype="float32")
    assert set(ACTIVATIONS) == set(ACT2FN)
    for name in set(ACTIVATIONS).difference(WEIGHTED):
        expected = ACT2FN[name](torch.tensor(x)).numpy()
        actual = keras.ops.convert_to_numpy(activation_of(name)(x))
        np.testing.assert_allclose(actual, expected, atol=2e-6, err_msg=name)
