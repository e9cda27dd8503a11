"""What each preprocessor of the family does with its own inputs and targets."""

import json

import numpy as np
import pytest

from longkeras.models import LongformerTextClassifierPreprocessor, LongformerTokenizer
from longkeras.models.text_tasks.text_rows import TextWindows
from tests.models.longformer.small_preprocessors import (
    CLS,
    MASK,
    SEP,
    ids,
    preprocessor,
)


def rows(inputs, name="token_ids"):
    """Rows without their padding."""
    return [
        row[mask == 1].tolist()
        for row, mask in zip(inputs[name], inputs["padding_mask"], strict=True)
    ]


PAIRS = {
    "dict": {"first": ["a dog", "it"], "second": ["the fox", "who ?"]},
    "list": [["a dog", "the fox"], ["it", "who ?"]],
    "tuple": (["a dog", "it"], ["the fox", "who ?"]),
    "array": np.array([["a dog", "the fox"], ["it", "who ?"]]),
}


@pytest.mark.parametrize("form", PAIRS)
def test_pairs_of_texts_become_one_row(form):
    inputs, y = preprocessor("TextClassifier")(PAIRS[form], [1, 0])
    assert rows(inputs)[0] == [CLS, *ids("a dog"), SEP, *ids("the fox"), SEP]
    assert rows(inputs, "segment_ids")[1] == [0, 0, 0, 1, 1, 1]
    assert rows(inputs, "global_attention_mask")[0] == [1, 0, 0, 0, 0, 0, 0]
    assert y.tolist() == [1, 0]


def test_pairs_come_through_a_pipeline():
    tf = pytest.importorskip("tensorflow")
    made = preprocessor("TextClassifier")
    expected, _ = made(PAIRS["dict"], [1, 0])
    for form in ("dict", "list", "tuple"):
        dataset = tf.data.Dataset.from_tensors((PAIRS[form], [1, 0]))
        inputs, y = next(dataset.map(made).as_numpy_iterator())
        assert rows(inputs) == rows(expected)
        assert y.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("truncate", "kept"),
    [
        ("round_robin", ("a dog and", "it is")),
        ("waterfall", ("a dog and fox", "it")),
    ],
)
def test_a_pair_that_is_too_long_is_cut(truncate, kept):
    made = preprocessor("TextClassifier", sequence_length=8, truncate=truncate)
    with pytest.warns(UserWarning, match="5 of 8 tokens"):
        inputs = made({"first": "a dog and fox", "second": "it is the text"})
    first, second = map(ids, kept)
    assert inputs["token_ids"].tolist() == [CLS, *first, SEP, *second, SEP]


@pytest.mark.parametrize(
    "x",
    [
        [["a", "b", "c"]],
        {"first": ["a"]},
        [[]],
        [1],
        None,
        ["a", None],
        np.array(["a", float("nan")], dtype="object"),
    ],
)
def test_texts_of_another_form_are_refused(x):
    with pytest.raises(ValueError, match=r"`x` must (be|have)"):
        preprocessor("TextClassifier")(x)


def test_masks_are_drawn_from_ordinary_tokens_alone():
    text = "[SEP] the dog [MASK] and a fox xyz . [PAD] " * 20
    made = preprocessor("MaskedLM", sequence_length=256, mask_selection_rate=0.3)
    x, y, weights = made([text, "dog", ""])
    special = made.tokenizer.special_token_ids
    count = round(0.3 * 6 * 20)
    assert x["mask_positions"].shape == y.shape == weights.shape == (3, 77)
    assert weights.sum(axis=1).tolist() == [count, 1, 0]
    assert weights.dtype == np.float32 and y.dtype == np.int32
    whole = preprocessor("MaskedLM", sequence_length=256, mask_selection_rate=0)
    original = whole([text])[0]["token_ids"][0]
    chosen = x["mask_positions"][0, :count]
    assert len(set(chosen.tolist())) == count
    np.testing.assert_array_equal(original[chosen], y[0, :count])
    assert not np.isin(y[0, :count], special).any()
    others = np.setdiff1d(np.arange(256), chosen)
    np.testing.assert_array_equal(x["token_ids"][0, others], original[others])
    replaced = x["token_ids"][0, chosen]
    assert not np.isin(replaced[replaced != MASK], special).any()
    assert 0.6 < (replaced == MASK).mean() < 0.95


def test_masks_come_from_the_seed_in_batches_of_any_size():
    texts = ["the dog and a fox", "who is it ?", "a longer text of the fox"]
    batch = preprocessor("MaskedLM", seed=7)(texts)[0]["mask_positions"]
    one_by_one = preprocessor("MaskedLM", seed=7)
    for text, row in zip(texts, batch, strict=True):
        assert one_by_one(text)[0]["mask_positions"].tolist() == row.tolist()
    # The next epoch draws anew.
    assert one_by_one(texts)[0]["mask_positions"].tolist() != batch.tolist()


def test_rates_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        preprocessor("MaskedLM", mask_token_rate=0.8, random_token_rate=0.3)


CONTEXT = "The dog is a fox. Who is the longer dog? 中文 text."


@pytest.mark.parametrize("answer", ["dog", "a fox", "longer dog", "中文", "CONTEXT"])
@pytest.mark.parametrize("by", ["text", "end"])
def test_answers_become_the_tokens_that_hold_them(answer, by):
    answer = CONTEXT if answer == "CONTEXT" else answer
    start = CONTEXT.index(answer)
    y = {"answer_start": [start]}
    y |= (
        {"answer_text": [answer]}
        if by == "text"
        else {"answer_end": [start + len(answer)]}
    )
    made = preprocessor("QuestionAnswerer")
    x, y = made({"question": ["Who is it?"], "context": [CONTEXT]}, y)
    first, last = int(y["start_logits"][0]), int(y["end_logits"][0])
    found = made.tokenizer.detokenize(x["token_ids"][0, first : last + 1])
    assert found.replace(" ", "") == answer.lower().replace(" ", "")


def test_the_question_is_global_up_to_the_separator():
    x = preprocessor("QuestionAnswerer")({"question": "Who is it?", "context": CONTEXT})
    assert x["global_attention_mask"].nonzero()[0].tolist() == [0, 1, 2, 3, 4]
    assert x["token_ids"][5] == SEP


def test_answers_that_are_absent_or_cut_off_are_the_first_token():
    made = preprocessor("QuestionAnswerer", sequence_length=12, max_question_length=2)
    made.has_warned_of_cuts = made.has_warned_of_answers = True
    x = {"question": ["who is it"] * 4, "context": [CONTEXT] * 4}
    starts = [-1, 0, CONTEXT.index("longer"), CONTEXT.index("dog")]
    y = {"answer_start": starts, "answer_text": ["", "", "longer", "dog"]}
    _, y = made(x, y)
    assert y["start_logits"].tolist() == y["end_logits"].tolist() == [0, 0, 0, 5]
    # Of the question the third word is dropped.
    assert made.report(x).tokens_dropped == (1 + 17 - 7,) * 4


def test_answers_come_through_a_pipeline():
    tf = pytest.importorskip("tensorflow")
    x = {"question": ["who", "it ?"], "context": [CONTEXT, "a dog"]}
    y = {"answer_start": [4, 2], "answer_text": ["dog", "dog"]}
    made = preprocessor("QuestionAnswerer")
    expected = made(x, y)[1]
    for size in (None, 2):
        dataset = tf.data.Dataset.from_tensor_slices((x, y))
        dataset = dataset if size is None else dataset.batch(size)
        found = [y for _, y in dataset.map(made).as_numpy_iterator()]
        for name, values in expected.items():
            assert np.ravel([y[name] for y in found]).tolist() == values.tolist()


def test_masks_that_are_given_are_left_as_they_are():
    tf = pytest.importorskip("tensorflow")
    made = preprocessor("MaskedLM", sequence_length=8)
    row = [CLS, *ids("the [MASK] is"), SEP]
    x = {
        "token_ids": [[0, *row], [*row, 0]],
        "padding_mask": [[0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0]],
        "mask_positions": [[3], [2]],
    }
    inputs = made(x)
    assert inputs["token_ids"].tolist() == [[*row, 0, 0, 0]] * 2
    assert inputs["mask_positions"].tolist() == [[2], [2]]
    dataset = tf.data.Dataset.from_tensor_slices(x)
    for rows in (dataset.map(made), dataset.batch(2).map(made)):
        positions = [np.ravel(each["mask_positions"]) for each in rows]
        assert np.ravel(positions).tolist() == [2, 2]
    assert made(x, y=[[7], [7]])[1] == [[7], [7]]
    for wrong in ([[9], [2]], [[0], [2]], [[-1], [2]]):
        with pytest.raises(ValueError, match="`mask_positions` must lie in the texts"):
            made({**x, "mask_positions": wrong})


def test_an_answer_that_does_not_stand_there_is_refused():
    x = {"question": ["who"], "context": [CONTEXT]}
    with pytest.raises(ValueError, match=r"`answer_text` must stand.*'fox'"):
        preprocessor("QuestionAnswerer")(
            x, {"answer_start": [0], "answer_text": ["fox"]}
        )


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (["who", CONTEXT], None, "`x` must be a dict of `question` and `context`"),
        ({"question": ["who"] * 2, "context": [CONTEXT]}, None, "as many question"),
        (None, {"start_positions": [0], "end_positions": [1]}, "`y` must be a dict"),
        (None, ([3], [4]), "`y` must be a dict of `answer_start`"),
        (None, {"answer_start": [0, 1], "answer_end": [2]}, "for each of 1 texts"),
        (None, {"answer_start": [0], "answer_end": [999]}, "must lie in `context`"),
        (
            None,
            {"answer_start": [[0]], "answer_end": [2]},
            "`answer_start` must be one",
        ),
    ],
)
def test_questions_and_answers_of_another_form_are_refused(x, y, message):
    x = {"question": ["who"], "context": [CONTEXT]} if x is None else x
    with pytest.raises(ValueError, match=message):
        preprocessor("QuestionAnswerer")(x, y)


def test_the_best_answer_of_all_windows_is_found():
    made = preprocessor("QuestionAnswerer", sequence_length=24)
    context = "the dog . " * 30 + "a fox is it . " + "the dog . " * 30
    windows = made.windows("Who is it?", context)
    assert len(windows) > 5
    start = context.index("a fox")
    shape = windows.offsets.shape[:2]
    logits = {name: np.zeros(shape) for name in ("start_logits", "end_logits")}
    logits["start_logits"][windows.offsets[..., 0] == start] = 5.0
    logits["end_logits"][windows.offsets[..., 1] == start + len("a fox")] = 4.0
    # Better, and not of the text.
    logits["start_logits"][:, 0] = 9.0
    best = made.answers(windows, logits, n_best=3)
    assert len(best) == 3
    assert (best[0].text, best[0].start, best[0].score) == ("a fox", start, 9.0)
    assert best[1].score < 9.0
    assert best[0].end == start + 5
    places = {(span.start, span.end) for span in best}
    assert len(places) == 3
    best = made.answers(windows, logits, may_be_unanswered=True, n_best=1)
    assert best[0].score == 9.0


def test_answers_are_no_longer_than_asked_and_end_after_they_begin():
    offsets = np.arange(8)[:, None] + [0, 1]
    windows = TextWindows("abcdefgh", {}, offsets[None])
    starts, ends = np.zeros((2, 1, 8))
    starts[0, 5], ends[0, 1], ends[0, 7] = 3, 3, 2
    made = preprocessor("QuestionAnswerer")
    logits = {"start_logits": starts, "end_logits": ends}
    assert made.answers(windows, logits)[0].text == "fgh"
    best = made.answers(windows, logits, max_answer_length=2)
    assert best[0].score == 3
    assert all(len(span.text) <= 2 for span in best)


def test_labels_go_to_the_first_tokens_of_words():
    made = preprocessor("TokenClassifier")
    words = [["The", "longer", "dog"], ["中文", "", "fox"]]
    x, y, weights = made(words, [[1, 2, 3], [4, 5, 6]])
    assert rows(x)[0] == [CLS, *ids("the long ##er dog"), SEP]
    assert y[0, :6].tolist() == [0, 1, 2, 0, 3, 0]
    assert weights[0, :6].tolist() == [0, 1, 1, 0, 1, 0]
    assert rows(x)[1] == [CLS, *ids("中 文 fox"), SEP]
    assert y[1, :5].tolist() == [0, 4, 0, 6, 0]
    assert weights[1].sum() == 2
    one = made({"words": words[0]}, [1, 2, 3])
    assert one[1].tolist() == y[0].tolist()
    weighted = made(words, [[1, 2, 3], [4, 5, 6]], np.array([0.5, 2.0]))[2]
    assert weighted.sum(axis=1).tolist() == [1.5, 4.0]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([["a", "dog"]], [[1]], "a label for each word"),
        ([["a", "dog"], ["fox"]], [[1, 2]], "labels for each of 2 texts"),
        (["a dog"], [[(2, 50, 1)]], "characters in the text"),
        (["a dog"], [[(-1, 3, 1)]], "characters in the text"),
    ],
)
def test_labels_of_other_words_or_spans_are_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        preprocessor("TokenClassifier")(x, y)


def test_words_of_different_counts_come_through_a_pipeline():
    tf = pytest.importorskip("tensorflow")
    words, labels = [["The", "longer", "dog"], ["fox"], []], [[1, 2, 3], [4], []]
    made = preprocessor("TokenClassifier")
    expected = made(words, labels)
    x = tf.ragged.constant(words, dtype="string")
    y = tf.ragged.constant(labels, dtype="int32")
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(3)
    for found in (next(dataset.map(made).as_numpy_iterator()), made(x, y)):
        for name, value in expected[0].items():
            np.testing.assert_array_equal(found[0][name], value)
        np.testing.assert_array_equal(found[1], expected[1])
        np.testing.assert_array_equal(found[2], expected[2])


def test_spans_of_characters_label_every_token_of_a_text():
    made = preprocessor("TokenClassifier", outside_label=9)
    text = "The longer dog is it"
    x, y, weights = made([text, "fox"], [[(4, 10, 1), (11, 14, 2)], []])
    assert rows(x)[0] == [CLS, *ids("the long ##er dog is it"), SEP]
    assert y[0, :8].tolist() == [0, 9, 1, 1, 2, 9, 9, 0]
    assert weights[0, :8].tolist() == [0, 1, 1, 1, 1, 1, 1, 0]
    assert y[1, :3].tolist() == [0, 9, 0]


def test_labels_of_given_ids_are_cut_with_them():
    made = preprocessor("TokenClassifier", sequence_length=4)
    made.has_warned_of_cuts = True
    x = {"token_ids": [[2, 5, 6, 7, 8, 3]], "padding_mask": [[1] * 6]}
    x, y, weights = made(x, [[0, 1, 2, 3, 4, 5]])
    assert x["token_ids"].tolist() == [[2, 5, 6, 3]]
    assert y.tolist() == [[0, 1, 2, 5]]
    assert weights.tolist() == [[1, 1, 1, 1]]


def test_a_tokenizer_for_the_family_comes_from_its_folder(tmp_path):
    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4}
    vocabulary |= {"a": 5, "b": 6, "ab": 7}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b\n")
    tokenizer = LongformerTokenizer.from_huggingface_folder(tmp_path)
    assert type(tokenizer) is LongformerTokenizer
    assert tokenizer("abba").tolist() == [7, 6, 5]
    made = LongformerTextClassifierPreprocessor(tokenizer, sequence_length=8)
    pair = made({"first": "ab", "second": "b"})
    assert pair["token_ids"].tolist() == [0, 7, 2, 2, 6, 2, 1, 1]
    assert not pair["segment_ids"].any()
