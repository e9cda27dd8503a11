"""What may be left out: in calls, fit, predict, saved and exported models."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.models import (
    LongformerMaskedLM,
    LongformerQuestionAnswerer,
    LongformerTextClassifier,
    LongformerTokenClassifier,
)
from tests.models.longformer.small_longformer import (
    COMPILED,
    draw_weights,
    outputs_of,
    random_inputs,
    small_backbone,
)

TASKS = {
    "text_classifier": lambda x: LongformerTextClassifier(x, 3, dropout=0.0),
    "question_answerer": lambda x: LongformerQuestionAnswerer(x),
    "token_classifier": lambda x: LongformerTokenClassifier(x, 3, dropout=0.0),
    "masked_lm": lambda x: LongformerMaskedLM(x),
}
each_task = pytest.mark.parametrize("name", TASKS)
# Eagerly where a backend can, which is quicker; the long suite compiles too.
each_mode = pytest.mark.parametrize(
    "run_eagerly", [not COMPILED, pytest.param(False, marks=pytest.mark.slow)]
)
ONLY_IDS = ("token_ids", "mask_positions")


def small_task(name):
    backbone = small_backbone(num_layers=1, attention_window=4, num_segments=2)
    task = TASKS[name](backbone)
    draw_weights(task, seed=1)
    return task


def inputs_for(name):
    """Token ids without padding, and what the task's rule gives for them."""
    token_ids = random_inputs(batch_size=4)["token_ids"]
    token_ids[token_ids < 3] = 3
    rule = np.zeros_like(token_ids)
    if name == "text_classifier":
        rule[:, 0] = 1
    if name == "question_answerer":
        token_ids[:, [5, 6, 20]] = 2
        rule[:, :5] = 1
    inputs = {"token_ids": token_ids}
    if name == "masked_lm":
        inputs["mask_positions"] = np.tile(np.array([[1, 4, 9]], "int32"), (4, 1))
    return inputs, rule


def complete(inputs, rule):
    ones = np.ones_like(inputs["token_ids"])
    return {
        **inputs,
        "padding_mask": ones,
        "segment_ids": 0 * ones,
        "document_ids": 0 * ones,
        "global_attention_mask": rule,
    }


def assert_close(one, other, atol=2e-6):
    for x, y in zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True):
        np.testing.assert_allclose(x, y, atol=atol)


def targets_for(task, inputs):
    rng = np.random.default_rng(0)
    shapes = {name: x.shape[:-1] for name, x in outputs_by_name(task, inputs).items()}
    targets = {name: rng.integers(0, 3, shape) for name, shape in shapes.items()}
    return targets if len(targets) > 1 else next(iter(targets.values()))


def outputs_by_name(task, inputs):
    outputs = outputs_of(task, inputs)
    return outputs if isinstance(outputs, dict) else {"outputs": outputs}


@pytest.mark.slow
@each_task
def test_left_out_is_the_rule_and_none_is_left_out(name):
    task = small_task(name)
    inputs, rule = inputs_for(name)
    full = complete(inputs, rule)
    expected = outputs_of(task, full)
    left_out = [x for x in full if x not in ONLY_IDS]
    assert_close(outputs_of(task, inputs), expected)
    assert_close(outputs_of(task, {**inputs, **dict.fromkeys(left_out)}), expected)
    for missing in left_out:
        given = {x: value for x, value in full.items() if x != missing}
        assert_close(outputs_of(task, given), expected)
        assert_close(outputs_of(task, {**full, missing: None}), expected)


@each_task
def test_a_mask_that_is_given_wins_and_zeros_are_a_mask(name):
    task = small_task(name)
    inputs, rule = inputs_for(name)
    other = np.zeros_like(rule)
    other[:, 7] = 1
    default = outputs_of(task, inputs)
    for mask in (0 * rule, other):
        given = outputs_of(task, {**inputs, "global_attention_mask": mask})
        same = np.array_equal(mask, rule)
        differs = max(
            np.abs(x - y).max()
            for x, y in zip(
                keras.tree.flatten(given), keras.tree.flatten(default), strict=True
            )
        )
        assert same == (differs < 1e-6), differs


@pytest.mark.parametrize("name", ["question_answerer"])
def test_predict_and_evaluate_fill_in_too(name):
    task = small_task(name)
    inputs, rule = inputs_for(name)
    expected = task.predict(complete(inputs, rule), batch_size=2, verbose=0)
    assert_close(task.predict(inputs, batch_size=2, verbose=0), expected)
    none = {**inputs, "segment_ids": None, "global_attention_mask": None}
    assert_close(task.predict(none, batch_size=2, verbose=0), expected)
    targets = targets_for(task, inputs)
    task.compile(jit_compile=COMPILED)
    one, other = (
        task.evaluate(x, targets, batch_size=2, verbose=0, return_dict=True)["loss"]
        for x in (none, complete(inputs, rule))
    )
    assert one == pytest.approx(other, rel=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No token was global")
@pytest.mark.parametrize("name", ["text_classifier"])
def test_fit_fills_in_too_and_goes_on_after_a_reload(name, tmp_path):
    inputs, rule = inputs_for(name)
    none = {**inputs, "padding_mask": None, "global_attention_mask": None}
    losses = []
    for x in (none, complete(inputs, rule)):
        task = small_task(name)
        task.compile(optimizer=keras.optimizers.Adam(0.01), jit_compile=COMPILED)
        targets = targets_for(task, inputs)
        history = task.fit(x, targets, epochs=2, verbose=0)
        losses.append(history.history["loss"])
        assert losses[-1][1] != losses[-1][0]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    task.save(tmp_path / "fitted.keras")
    again = keras.saving.load_model(tmp_path / "fitted.keras")
    assert int(again.optimizer.iterations) == int(task.optimizer.iterations) == 2
    assert isinstance(again.optimizer, keras.optimizers.Adam)
    for one, other in zip(
        again.optimizer.variables, task.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(*map(ops.convert_to_numpy, (one, other)))


@pytest.mark.slow
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="exports through TensorFlow"
)
@pytest.mark.parametrize("name", ["question_answerer"])
def test_an_exported_model_has_the_rule_and_takes_a_mask(name, tmp_path):
    import tensorflow as tf

    task = small_task(name)
    inputs, rule = inputs_for(name)
    spec = {"token_ids": keras.InputSpec(dtype="int32", shape=(None, None))}
    task.export(tmp_path / "rule", input_signature=[spec], verbose=False)
    loaded = tf.saved_model.load(tmp_path / "rule")
    served = loaded.serve({"token_ids": tf.constant(inputs["token_ids"], "int32")})
    assert_close(keras.tree.map_structure(np.asarray, served), outputs_of(task, inputs))
    spec["global_attention_mask"] = keras.InputSpec(dtype="int32", shape=(None, None))
    task.export(tmp_path / "mask", input_signature=[spec], verbose=False)
    given = {**inputs, "global_attention_mask": rule[:, ::-1].copy()}
    loaded = tf.saved_model.load(tmp_path / "mask")
    served = loaded.serve(
        {x: tf.constant(value, "int32") for x, value in given.items()}
    )
    assert_close(keras.tree.map_structure(np.asarray, served), outputs_of(task, given))


@each_mode
def test_training_without_any_global_token_warns_once(run_eagerly):
    task = small_task("text_classifier")
    inputs, rule = inputs_for("text_classifier")
    targets = np.array([0, 1, 2, 0])
    none = {**inputs, "global_attention_mask": 0 * rule}
    task.compile(optimizer="sgd", run_eagerly=run_eagerly, jit_compile=COMPILED)
    with pytest.warns(UserWarning, match="No token was global in this training run"):
        task.fit(none, targets, validation_data=(inputs, targets), verbose=0)
    task.fit(none, targets, verbose=0)


@each_mode
def test_one_global_token_in_a_run_is_enough_to_say_nothing(run_eagerly):
    task = small_task("text_classifier")
    inputs, rule = inputs_for("text_classifier")
    last = {**inputs, "global_attention_mask": 0 * rule}
    last["global_attention_mask"][3, 5] = 1
    task.compile(optimizer="sgd", run_eagerly=run_eagerly, jit_compile=COMPILED)
    # A warning would be an error, that of validation too.
    none = {**inputs, "global_attention_mask": 0 * rule}
    targets = np.array([0, 1, 2, 0])
    options = {"batch_size": 2, "validation_data": (none, targets), "verbose": 0}
    history = task.fit(last, targets, **options)
    assert sorted(history.history) == [
        "loss",
        "sparse_categorical_accuracy",
        "val_loss",
        "val_sparse_categorical_accuracy",
    ]
