"""Answers in windows: labels to train on, and none cut off without a word."""

import warnings

import numpy as np
import pytest

from longkeras import models
from tests.models.longformer.small_longformer import small_backbone
from tests.models.longformer.small_preprocessors import CLS, SEP, ids, preprocessor

# Seven tokens of a text fit into a window.
LENGTH = 11
TEXT = "the long text is of a dog and the fox is long . it is the dog of a fox ?"
DOG = TEXT.index("dog")
QUESTIONS = {"question": ["who"] * 3, "context": [TEXT, "a dog", TEXT]}
ANSWERS = {
    "answer_start": [TEXT.index("it is the dog"), 2, -1],
    "answer_text": ["it is the dog", "dog", ""],
}


@pytest.fixture
def made():
    return preprocessor("QuestionAnswerer", sequence_length=LENGTH)


def text_of(made, row, start, end):
    return made.tokenizer.detokenize(row[start : end + 1])


def test_each_window_says_where_it_holds_the_answer(made):
    answer = {"answer_start": DOG, "answer_text": "dog and the fox"}
    windows = made.windows("who", TEXT, stride=3, answer=answer)
    assert windows.inputs["token_ids"].shape == (len(windows), LENGTH)
    starts, ends = windows.targets["start_logits"], windows.targets["end_logits"]
    assert starts.dtype == np.int32
    held = [
        text_of(made, row, start, end)
        for row, start, end in zip(
            windows.inputs["token_ids"], starts, ends, strict=True
        )
        if start
    ]
    assert held == ["dog and the fox"] * 2
    # The first holds but "dog and", the others behind have nothing of it.
    assert np.flatnonzero(starts).tolist() == [1, 2]
    assert made.windows("who", TEXT).targets is None


def test_training_windows_hold_every_answer(made):
    x, y = made.training_windows(QUESTIONS, ANSWERS, stride=3)
    assert {x[name].shape[1] for name in x} == {LENGTH}
    held = {
        text_of(made, row, start, end)
        for row, start, end in zip(x["token_ids"], *y.values(), strict=True)
        if start
    }
    assert held == {"it is the dog", "dog"}
    assert (y["start_logits"] <= y["end_logits"]).all()
    # Windows that hold but a part of an answer teach neither it nor its absence.
    empty = x["token_ids"][y["start_logits"] == 0]
    every = len(made.windows("who", TEXT, 3))
    assert len(empty) > every  # All of the third text, some of the first.
    assert len(x["token_ids"]) < 2 * every + 1


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.75])
def test_the_share_of_windows_without_an_answer_is_as_asked(made, share):
    x, y = made.training_windows(QUESTIONS, ANSWERS, 1, share, seed=3)
    empty = (y["start_logits"] == 0).mean()
    assert abs(empty - share) < 0.5 / len(y["start_logits"]) + 1e-9
    again, _ = made.training_windows(QUESTIONS, ANSWERS, 1, share, seed=3)
    np.testing.assert_array_equal(again["token_ids"], x["token_ids"])
    if share:
        other, _ = made.training_windows(QUESTIONS, ANSWERS, 1, share, seed=4)
        assert other["token_ids"].tolist() != x["token_ids"].tolist()


def test_a_model_fits_windows(made):
    inputs, targets = made.training_windows(QUESTIONS, ANSWERS, 3, 0.5)
    kept = made(inputs, targets)
    for name, values in targets.items():
        np.testing.assert_array_equal(kept[1][name], values)
    for name, values in inputs.items():
        np.testing.assert_array_equal(kept[0][name], values)
    backbone = small_backbone(num_segments=2, num_layers=1, attention_window=4)
    model = models.LongformerQuestionAnswerer(backbone, made)
    model.compile(run_eagerly=True)
    history = model.fit(inputs, targets, batch_size=4, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    windows = made.windows("who", TEXT)
    assert made.answers(windows, model.predict(windows.inputs, verbose=0))


def test_answers_that_are_cut_off_are_counted_in_a_warning(made):
    made.has_warned_of_cuts = True
    message = "1 of 3 answers were cut off .* train on `training_windows`"
    with pytest.warns(UserWarning, match=message):
        _, y = made(QUESTIONS, ANSWERS)
    assert y["start_logits"].tolist()[0] == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(QUESTIONS, ANSWERS)  # Said once.
    whole = preprocessor("QuestionAnswerer")
    whole(QUESTIONS, ANSWERS)
    assert not whole.has_warned_of_answers


def test_an_answer_that_no_window_holds_is_counted_in_a_warning(made):
    y = {"answer_start": [4], "answer_end": [len(TEXT)]}
    x = {"question": ["who"], "context": [TEXT]}
    with pytest.warns(UserWarning, match="1 of 1 answers stand whole in no window"):
        x, y = made.training_windows({**x, "context": [f"{TEXT} {TEXT}"]}, y)
    assert not y["start_logits"].any()


@pytest.mark.parametrize("share", [-0.1, 1.0, 1])
def test_a_share_out_of_range_is_refused(made, share):
    with pytest.raises(ValueError, match="`unanswered_share` must be from 0"):
        made.training_windows(QUESTIONS, ANSWERS, unanswered_share=share)
    none = {"answer_start": [-1] * 3, "answer_text": [""] * 3}
    with pytest.raises(ValueError, match="there is no window to train on"):
        made.training_windows(QUESTIONS, none, unanswered_share=0.5)


def test_answers_of_given_ids_move_and_are_cut_with_them():
    made = preprocessor("QuestionAnswerer", sequence_length=6)
    row = [CLS, *ids("who"), SEP, *ids("a dog and fox"), SEP]
    x = {
        "token_ids": [[0, *row], [*row, 0], [*row, 0]],
        "padding_mask": [[0] + [1] * 8, [1] * 8 + [0], [1] * 8 + [0]],
    }
    y = {"start_logits": [4, 3, 6], "end_logits": [5, 7, 6]}
    made.has_warned_of_cuts = True
    with pytest.warns(UserWarning, match="1 of 3 answers were cut off"):
        inputs, targets = made(x, y)
    assert inputs["token_ids"][0].tolist() == [*row[:5], SEP]
    assert targets["start_logits"].tolist() == [3, 3, 0]
    assert targets["end_logits"].tolist() == [4, 5, 0]
    none = {"start_logits": [0] * 3, "end_logits": [0] * 3}
    assert made(x, none)[1]["start_logits"].tolist() == [0] * 3
    for wrong in (-1, 8, 9):
        with pytest.raises(ValueError, match="`end_logits` must be a token of its row"):
            made(x, {**y, "end_logits": [5, 7, wrong]})


def test_reports_and_windows_print_in_a_line(made):
    report = made.report({"question": ["who"] * 1000, "context": [TEXT] * 1000})
    assert (
        str(report)
        == repr(report)
        == (
            "<TokenReport: 8000 of 22000 tokens read, 1000 of 1000 texts cut, "
            "longest text 22 tokens>"
        )
    )
    assert len(report.tokens_read) == len(report.tokens_dropped) == 1000
    windows = made.windows("who", TEXT * 100)
    assert repr(windows) == (
        f"<TextWindows: {len(windows)} windows of 11 tokens over a text of "
        f"{100 * len(TEXT)} characters>"
    )
