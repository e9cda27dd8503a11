"""Folders of `transformers` made long: short texts give what they gave there."""

import json

import numpy as np
import pytest

from longkeras import CheckpointError
from longkeras.conversion import convert_to_long, from_huggingface
from tests.conversion.small_encoders import hidden_states_of, short_inputs
from tests.conversion.their_encoders import (
    CONFIGS,
    their_folder,
    their_model,
    their_outputs,
)
from tests.models.longformer.small_longformer import outputs_of

pytestmark = pytest.mark.parity

TOLERANCE = 2e-5
LONG, WINDOW = 70, 48
FAMILIES = sorted(CONFIGS)
each_family = pytest.mark.parametrize("family", FAMILIES)
MASKED = np.array([[1, 5, 9]] * 2)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE)


def converted(model, folder, task=None):
    return convert_to_long(their_folder(model, folder), LONG, WINDOW, task=task)


def num_parameters(model):
    """Of a Longformer without what global tokens and more positions add to it."""
    backbone = getattr(model, "backbone", model)
    positions = backbone.position_embedding.position_embeddings.shape[0]
    added = backbone.num_layers * 3 * 8 * 9 + positions * 8
    return model.count_params() - added


@each_family
def test_every_weight_of_a_backbone_is_kept(family, tmp_path):
    theirs = their_model(family, "Model")
    ours = converted(theirs, tmp_path)
    inputs = short_inputs(family)
    outputs = their_outputs(theirs, inputs)
    is_real = inputs["padding_mask"] == 1
    close(hidden_states_of(ours, inputs), outputs["last_hidden_state"][is_real])
    close(outputs_of(ours, inputs)["pooled_output"], outputs["pooler_output"])
    table = theirs.embeddings.position_embeddings.weight.numel()
    total = sum(x.numel() for x in theirs.parameters())
    assert num_parameters(ours) == total - table


@each_family
@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu"])
def test_masked_language_models(family, activation, tmp_path):
    options = {"hidden_act": activation, "layer_norm_eps": 1e-3}
    theirs = their_model(family, "ForMaskedLM", **options)
    ours = converted(theirs, tmp_path)
    inputs = short_inputs(family)
    logits = their_outputs(theirs, inputs)["logits"]
    expected = np.take_along_axis(logits, MASKED[..., None], axis=1)
    close(outputs_of(ours, {**inputs, "mask_positions": MASKED}), expected)


def test_an_activation_with_weights_is_kept_where_a_head_has_none(tmp_path):
    theirs = their_model("bert", "ForMaskedLM", hidden_act="prelu")
    ours = converted(theirs, tmp_path, "backbone")
    inputs = short_inputs("bert")
    outputs = their_outputs(theirs.base_model, inputs)
    is_real = inputs["padding_mask"] == 1
    close(hidden_states_of(ours, inputs), outputs["last_hidden_state"][is_real])
    with pytest.raises(CheckpointError, match='task="backbone"'):
        convert_to_long(tmp_path, LONG, WINDOW)
    with pytest.raises(ValueError, match="hidden_act='prelu'"):
        from_huggingface(tmp_path)


@each_family
def test_an_untied_output_is_kept(family, tmp_path):
    import torch

    theirs = their_model(family, "ForMaskedLM", tie_word_embeddings=False)
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "decoder" in name:
                parameter.add_(torch.randn_like(parameter))
    ours = converted(theirs, tmp_path)
    assert not ours.backbone.tie_embedding_weights
    inputs = short_inputs(family)
    logits = their_outputs(theirs, inputs)["logits"]
    expected = np.take_along_axis(logits, MASKED[..., None], axis=1)
    close(outputs_of(ours, {**inputs, "mask_positions": MASKED}), expected)


@each_family
def test_classifiers_of_texts(family, tmp_path):
    theirs = their_model(family, "ForSequenceClassification", num_labels=3)
    ours = converted(theirs, tmp_path)
    inputs = short_inputs(family)
    close(outputs_of(ours, inputs), their_outputs(theirs, inputs)["logits"])
    total = sum(x.numel() for x in theirs.parameters())
    assert (
        num_parameters(ours)
        == total - theirs.base_model.embeddings.position_embeddings.weight.numel()
    )


@each_family
def test_classifiers_of_tokens(family, tmp_path):
    theirs = their_model(family, "ForTokenClassification", num_labels=3)
    ours = converted(theirs, tmp_path)
    inputs = short_inputs(family)
    is_real = inputs["padding_mask"] == 1
    logits = their_outputs(theirs, inputs)["logits"]
    close(outputs_of(ours, inputs)[is_real], logits[is_real])


@each_family
def test_question_answerers(family, tmp_path):
    theirs = their_model(family, "ForQuestionAnswering", sep_token_id=2)
    ours = converted(theirs, tmp_path)
    inputs = short_inputs(family)
    is_real = inputs["padding_mask"] == 1
    expected, logits = their_outputs(theirs, inputs), outputs_of(ours, inputs)
    for name in ("start_logits", "end_logits"):
        close(logits[name][is_real], expected[name][is_real])


@each_family
@pytest.mark.parametrize("layout", ["sharded", "half"])
def test_other_files_of_the_same_model(family, layout, tmp_path):
    import torch

    theirs = their_model(family, "Model")
    options = {"max_shard_size": "2KB"}
    if layout == "half":
        theirs, options = theirs.to(torch.bfloat16), {}
    theirs.save_pretrained(tmp_path, **options)
    inputs = short_inputs(family)
    ours = convert_to_long(tmp_path, LONG, WINDOW)
    expected = their_outputs(theirs.float(), inputs)["last_hidden_state"]
    is_real = inputs["padding_mask"] == 1
    close(hidden_states_of(ours, inputs), expected[is_real])


def test_berts_first_files_are_read(tmp_path):
    import torch

    theirs = their_model("bert", "ForPreTraining")
    their_folder(theirs, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    state = {}
    for name, tensor in theirs.state_dict().items():
        for new, old in names.items():
            name = name.replace(new, old)
        state[name] = tensor
    state["bert.embeddings.position_ids"] = torch.arange(24)[None]
    torch.save(state, tmp_path / "pytorch_model.bin")
    ours = convert_to_long(tmp_path, LONG, WINDOW)
    inputs = short_inputs("bert")
    logits = their_outputs(theirs, inputs)["prediction_logits"]
    expected = np.take_along_axis(logits, MASKED[..., None], axis=1)
    close(outputs_of(ours, {**inputs, "mask_positions": MASKED}), expected)


@each_family
def test_the_backbone_of_a_task_is_read_without_its_head(family, tmp_path):
    theirs = their_model(family, "ForMaskedLM")
    ours = converted(theirs, tmp_path, task="backbone")
    inputs = short_inputs(family)
    hidden_states = their_outputs(theirs.base_model, inputs)["last_hidden_state"]
    is_real = inputs["padding_mask"] == 1
    close(hidden_states_of(ours, inputs), hidden_states[is_real])


def test_a_longformer_made_of_roberta_is_no_roberta(tmp_path):
    folder = their_folder(their_model("roberta", "Model"), tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["attention_window"] = 8
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="extend_positions"):
        convert_to_long(folder, LONG, WINDOW)


@pytest.mark.parametrize(
    "options",
    [
        {"position_embedding_type": "relative_key"},
        {"is_decoder": True},
        {"model_type": "electra"},
        {"architectures": ["BertForMultipleChoice"]},
        {"num_hidden_layers": 3},
        {"vocab_size": 41},
    ],
)
def test_what_is_no_plain_encoder_is_refused(options, tmp_path):
    folder = their_folder(their_model("bert", "Model"), tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **options}))
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        convert_to_long(folder, LONG, WINDOW)


@each_family
def test_the_way_over_hugging_faces_longformer_and_back(family, tmp_path):
    from longkeras.conversion import to_huggingface

    ours = converted(their_model(family, "ForMaskedLM"), tmp_path / "short")
    to_huggingface(ours, tmp_path / "long")
    again = from_huggingface(tmp_path / "long")
    inputs = {**short_inputs(family), "mask_positions": MASKED}
    close(outputs_of(again, inputs), outputs_of(ours, inputs))


THEIR_TASKS = {
    "backbone": "LongformerModel",
    "masked_lm": "LongformerForMaskedLM",
    "text_classifier": "LongformerForSequenceClassification",
    "question_answerer": "LongformerForQuestionAnswering",
    "token_classifier": "LongformerForTokenClassification",
}


@each_family
@pytest.mark.parametrize("task", THEIR_TASKS)
def test_they_read_every_task_of_a_plain_encoder_without_a_remark(
    task, family, tmp_path
):
    import torch
    import transformers

    from longkeras.conversion import to_huggingface

    # In place of a tokenizer, which a question answerer asks for its separator.
    theirs = their_model(family, "Model", sep_token_id=2)
    folder = their_folder(theirs, tmp_path / "short")
    classes = {"num_classes": 3} if "classifier" in task else {}
    ours = convert_to_long(folder, LONG, WINDOW, task, **classes)
    to_huggingface(ours, tmp_path / "long")
    theirs, report = getattr(transformers, THEIR_TASKS[task]).from_pretrained(
        tmp_path / "long", output_loading_info=True
    )
    assert not any(report.values()), report
    if task == "text_classifier":
        inputs = short_inputs(family)
        expected = their_outputs(theirs.eval(), inputs)["logits"]
        close(outputs_of(ours, inputs), expected)
    assert all(bool(torch.isfinite(x).all()) for x in theirs.parameters())


def test_tied_weights_are_those_that_they_take(tmp_path):
    """Of two values the head's own counts; of one name missing the other does."""
    import safetensors.torch
    import transformers

    theirs = their_model("roberta", "ForMaskedLM")
    their_folder(theirs, tmp_path)
    words = "roberta.embeddings.word_embeddings.weight"
    state = {name: x.clone() for name, x in theirs.state_dict().items()}
    different = {
        **state,
        "lm_head.decoder.weight": state[words] + 1,
        "lm_head.decoder.bias": state["lm_head.bias"] + 1,
    }
    one_name = {x: y for x, y in state.items() if x not in (words, "lm_head.bias")}
    inputs = short_inputs("roberta")
    for tensors in (different, one_name):
        safetensors.torch.save_file(tensors, tmp_path / "model.safetensors")
        again = transformers.RobertaForMaskedLM.from_pretrained(tmp_path).eval()
        logits = their_outputs(again, inputs)["logits"]
        expected = np.take_along_axis(logits, MASKED[..., None], axis=1)
        ours = convert_to_long(tmp_path, LONG, WINDOW)
        close(outputs_of(ours, {**inputs, "mask_positions": MASKED}), expected)
