"""What all preprocessors do: one text, a batch and a pipeline; nothing cut unseen."""

import json
import warnings

import numpy as np
import pytest
from keras import tree

from tests.models.longformer.small_preprocessors import TASKS, preprocessor

TEXTS = ["The longer text.", "", "中文 dog", "a dog and the fox " * 30]
QUESTIONS = ["Who?", "Is it a dog?", "", "the longer text of"]
INPUTS = ("token_ids", "padding_mask", "global_attention_mask", "segment_ids")

each_task = pytest.mark.parametrize("task", TASKS)
each_length = pytest.mark.parametrize("length", [None, 24])


def texts(task, which=slice(None)):
    """A batch, or for an int one text."""
    if task == "QuestionAnswerer":
        return {"question": QUESTIONS[which], "context": TEXTS[which]}
    return TEXTS[which]


def quiet(task, length=None, **arguments):
    """A new preprocessor that has nothing more to say of cuts."""
    made = preprocessor(task, sequence_length=length, **arguments)
    made.has_warned_of_cuts = True
    return made


def inputs_of(result):
    return result[0] if isinstance(result, tuple) else result


def assert_equal(one, other):
    tree.assert_same_structure(one, other)
    for a, b in zip(tree.flatten(one), tree.flatten(other), strict=True):
        np.testing.assert_array_equal(a, b)


@each_length
@each_task
def test_inputs_are_int32_and_padded_alike(task, length):
    made = quiet(task, length)
    inputs = inputs_of(made(texts(task)))
    assert set(INPUTS) <= set(inputs)
    shape = (len(TEXTS), length or 192)
    for name in INPUTS:
        assert inputs[name].shape == shape
        assert inputs[name].dtype == np.int32
    padding = inputs["padding_mask"] == 0
    assert (inputs["token_ids"][padding] == made.tokenizer.pad_token_id).all()
    assert not inputs["global_attention_mask"][padding].any()
    # Real tokens come first, and each row has its start.
    assert (np.diff(inputs["padding_mask"], axis=1) <= 0).all()
    assert (inputs["token_ids"][:, 0] == made.tokenizer.start_token_id).all()


@each_task
def test_one_text_is_a_row_of_the_batch(task):
    batch = quiet(task, 24)(texts(task))
    one_by_one = quiet(task, 24)
    for i in range(len(TEXTS)):
        single = one_by_one(texts(task, i))
        assert_equal(single, tree.map_structure(lambda x, i=i: x[i], batch))


@each_length
@each_task
def test_a_pipeline_gives_the_batch(task, length):
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(texts(task))
    mapped = dataset.batch(len(TEXTS)).map(quiet(task, length))
    for spec in tree.flatten(mapped.element_spec):
        assert spec.shape.rank == 2
    expected = quiet(task, length)(texts(task))
    assert_equal(next(mapped.as_numpy_iterator()), expected)
    singles = list(dataset.map(quiet(task, 24)).as_numpy_iterator())
    fixed = quiet(task, 24)(texts(task))
    for i, single in enumerate(singles):
        assert_equal(single, tree.map_structure(lambda x, i=i: x[i], fixed))


@each_task
def test_the_length_is_the_longest_rounded_up_and_at_most_the_maximum(task):
    short = texts(task, slice(0, 3))
    assert inputs_of(quiet(task)(short))["token_ids"].shape == (3, 64)
    inputs = inputs_of(quiet(task, max_sequence_length=100)(texts(task)))
    assert inputs["token_ids"].shape == (4, 100)


@each_task
def test_what_is_cut_is_reported_and_warned_of_once(task):
    made = preprocessor(task, sequence_length=24)
    report = made.report(texts(task))
    assert not report.is_whole
    assert [count > 0 for count in report.tokens_dropped] == [False] * 3 + [True]
    whole = preprocessor(task, max_sequence_length=512).report(texts(task))
    assert whole.is_whole
    read = zip(report.tokens_read, report.tokens_dropped, strict=True)
    assert tuple(map(sum, read)) == whole.tokens_read
    with pytest.warns(UserWarning, match=r"^\d+ of 1\d\d tokens .*`windows`"):
        made(texts(task))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(texts(task))


@each_task
def test_windows_hold_the_whole_text(task):
    made = preprocessor(task, sequence_length=24)
    text = TEXTS[-1].strip()
    if task == "QuestionAnswerer":
        windows = made.windows("Is it a dog?", text)
    else:
        windows = made.windows(text)
    assert windows.inputs["token_ids"].shape == (len(windows), 24)
    _, expected = made.tokenizer.tokenize_with_offsets(text)
    seen = {tuple(x) for x in windows.offsets.reshape(-1, 2).tolist()} - {(-1, -1)}
    assert seen == {tuple(x) for x in expected.tolist()}
    for row, offsets in zip(windows.inputs["token_ids"], windows.offsets, strict=True):
        for token, (start, end) in zip(row, offsets, strict=True):
            if start >= 0:
                assert made.tokenizer.id_to_token(token) == text[start:end]


@each_task
def test_windows_come_through_the_preprocessor_unchanged(task):
    rate = {"mask_selection_rate": 0} if task == "MaskedLM" else {}
    made = preprocessor(task, max_sequence_length=100, **rate)
    text = TEXTS[-1]
    arguments = ("Is it?", text) if task == "QuestionAnswerer" else (text,)
    windows = made.windows(*arguments)
    for rows in (slice(None), slice(1, None)):
        given = {name: x[rows] for name, x in windows.inputs.items()}
        inputs = inputs_of(made(given))
        assert_equal({name: inputs[name] for name in INPUTS}, given)


@each_task
def test_given_ids_may_have_global_tokens_of_their_own(task):
    made = quiet(task, 8)
    rows = {
        "token_ids": [[2, 5, 6, 3], [2, 7, 3], [2, 5, 6, 7, 8, 9, 10, 11, 12, 3]],
        "global_attention_mask": [[0, 0, 1, 0], [0, 0, 0], [1] * 10],
    }
    mask = inputs_of(made(rows))["global_attention_mask"]
    assert mask.tolist() == [[0, 0, 1] + [0] * 5, [0] * 8, [1] * 8]
    report = made.report(rows)
    assert report.tokens_read == (4, 3, 8)
    assert report.tokens_dropped == (0, 0, 2)
    if task in ("TextClassifier", "QuestionAnswerer"):
        mask = inputs_of(made({"token_ids": rows["token_ids"]}))
        assert mask["global_attention_mask"][:, 0].all()


@each_task
def test_a_preprocessor_comes_back_from_a_preset(task, tmp_path):
    made = quiet(task, 24)
    made.save_to_preset(str(tmp_path))
    kind = type(made)
    config = json.loads((tmp_path / "preprocessor.json").read_text())
    again = kind.from_config(config["config"])
    again.load_preset_assets(str(tmp_path))
    again.has_warned_of_cuts = True
    assert_equal(again(texts(task)), made(texts(task)))


@each_task
def test_lengths_that_cannot_be_are_refused(task):
    with pytest.raises(ValueError, match="`sequence_length` must be an int of at"):
        preprocessor(task, sequence_length=0)
    with pytest.raises(ValueError, match="`sequence_length` must be more than the"):
        preprocessor(task, sequence_length=2)(texts(task))
    with pytest.raises(ValueError, match="may have"):
        quiet(task)({"token_ids": [[2, 3]], "input_ids": [[2, 3]]})
    with pytest.raises(ValueError, match="rows of one length"):
        quiet(task)({"token_ids": [[2, 3]], "segment_ids": [[0]]})
