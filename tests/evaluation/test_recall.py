from types import SimpleNamespace

import numpy as np
import pytest

from longkeras.evaluation import (
    ByteTextModel,
    recall_by_generation,
    recall_by_likelihood,
    recall_examples,
    score_recall,
    theoretical_reach,
)
from longkeras.evaluation.language_models.recall_examples import RECALL_KINDS
from tests.evaluation.toy_models import CopyingModel

BOOKS = ["Call me Ishmael. Some years ago, never mind how long. " * 20, "开卷" * 300]


def examples_of(kind, books=BOOKS, lengths=(400,), depths=(0.0, 0.5, 1.0), repeats=2):
    return recall_examples(
        kind, books, lengths, depths, repeats, np.random.default_rng(0)
    )


@pytest.mark.parametrize("kind", RECALL_KINDS)
def test_the_answer_stands_where_the_example_says(kind):
    examples = examples_of(kind)
    assert len(examples) == 6
    for example in examples:
        start = example.answer_start
        assert example.context[start : start + 5] == example.answer
        assert 397 <= len(example.context.encode()) <= 400
        prompt = (example.context + example.question).encode()
        assert prompt[-example.distance :].startswith(example.answer.encode())
        assert "".join(map(str, example.labels)) == example.answer
        assert example.answer not in example.alternatives
        assert len(set(example.alternatives)) == 9
        assert ("pass key" in example.question) == (kind == "passkey")
    assert examples == examples_of(kind)


def test_depth_says_how_far_back_the_answer_is():
    near, far = (examples_of("passkey", depths=[depth])[0] for depth in (1.0, 0.0))
    assert far.context.startswith(" The pass key is")
    assert near.context.endswith("is the pass key. ")
    assert far.distance - near.distance > 250


def test_other_pairs_are_the_first_alternatives():
    for example in examples_of("key_value"):
        stated = [number in example.context for number in example.alternatives]
        assert stated == [True] * 3 + [False] * 6


def test_decoys_tell_other_numbers_in_the_same_words():
    (plain,), (example,) = (
        recall_examples(
            "passkey", BOOKS[:1], [400], [0.5], 1, np.random.default_rng(0), **options
        )
        for options in ({}, {"num_decoys": 3, "decoys": ["gate", "pass code", "door"]})
    )
    assert plain.context.count("Remember it") == 1
    assert example.context.count("Remember it") == 4
    assert f" The pass key is {example.answer}. " in example.context
    for thing in ("gate", "pass code", "door"):
        assert f" is the {thing}. " in example.context
    stated = [number in example.context for number in example.alternatives]
    assert stated == [True] * 3 + [False] * 6
    assert example.context.index(example.answer) > 50


@pytest.mark.parametrize("kind", RECALL_KINDS)
def test_a_model_that_copies_is_right_as_far_as_it_remembers(kind):
    examples = examples_of(kind, BOOKS[:1], depths=[0.0, 1.0])
    whole = score_recall(examples, recall_by_likelihood(CopyingModel(), examples))
    assert [score.accuracy for score in whole] == [1, 1]
    assert [score.chance for score in whole] == [0.1, 0.1]
    short = score_recall(
        examples, recall_by_likelihood(CopyingModel(memory=200), examples)
    )
    assert [(score.depth, score.accuracy) for score in short] == [(0, 0), (1, 1)]
    assert short[0].distance > 200 > short[1].distance
    assert (short[0].length, short[0].count) == (400, 2)


def test_what_a_model_writes_must_begin_with_the_answer():
    examples = examples_of("passkey", repeats=1)
    right = examples[0].answer
    writer = SimpleNamespace(
        generate_until=lambda requests: [f" {right}.", right, right[1:]]
    )
    assert recall_by_generation(writer, examples).tolist() == [True, False, False]
    asked = []
    writer.generate_until = lambda requests: asked.extend(requests) or [""] * 3
    recall_by_generation(writer, examples)
    assert asked[0][0] == examples[0].context + examples[0].question
    assert ByteTextModel.generate_until


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "needle"}, "`kind`"),
        ({"depths": [1.5]}, "`depths`"),
        ({"num_pairs": 25}, "`num_pairs`"),
        ({"num_digits": 1}, "`num_alternatives`"),
        ({"lengths": [30]}, "`lengths`"),
        ({"num_decoys": 11}, "`num_decoys`.*10 decoys"),
        ({"kind": "key_value", "num_decoys": 1}, "`num_decoys`"),
    ],
)
def test_examples_that_cannot_be_made_are_refused(arguments, message):
    usual = {"kind": "passkey", "texts": BOOKS, "lengths": [400], "depths": [0.5]}
    with pytest.raises(ValueError, match=message):
        recall_examples(
            **{**usual, **arguments}, repeats=1, rng=np.random.default_rng(0)
        )


def test_answers_are_counted_for_each_example():
    examples = examples_of("passkey", repeats=1)
    with pytest.raises(ValueError, match="2 answers for 3 examples"):
        score_recall(examples, [True, False])
    with pytest.raises(ValueError, match="`examples`"):
        recall_by_likelihood(CopyingModel(), [])
    assert score_recall(examples, [True] * 3, chance=1e-5)[0].chance == 1e-5


@pytest.mark.parametrize(
    ("windows", "dilations", "limit", "reach"),
    [
        ([64, 256, 512], 1, None, 829),
        (4, [[1, 2], [3, 1]], None, 3 * 2 + 3 * 3),
        (64, 1, 100, 99),
        (None, 1, 256, 255),
        ([8, None], 1, 256, 255),
        (None, 1, None, None),
    ],
)
def test_the_reach_is_that_of_all_layers(windows, dilations, limit, reach):
    layers = len(windows) if isinstance(windows, list) else 2
    backbone = SimpleNamespace(
        num_layers=layers, attention_window=windows, attention_dilation=dilations
    )
    model = SimpleNamespace(backbone=backbone, context_length=limit)
    assert theoretical_reach(model) == reach
    backbone.token_reach = 3
    more = 3 if limit is None and reach is not None else 0
    assert theoretical_reach(model) == (None if reach is None else reach + more)
