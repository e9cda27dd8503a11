"""Documents packed into one row: each is read, and trained on, as if it stood alone."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.models import LongformerMaskedLM
from tests.models.longformer.small_longformer import (
    VOCABULARY_SIZE,
    draw_weights,
    outputs_of,
    small_backbone,
)
from tests.models.longformer.small_preprocessors import CLS, preprocessor

SHORT = (7, 1, 12)


def packed_row(lengths, padding=0, seed=0):
    """Inputs of one row of documents, each with its own segments and global token."""
    rng = np.random.default_rng(seed)
    length = sum(lengths)
    row = {
        "token_ids": rng.integers(3, VOCABULARY_SIZE, length),
        "padding_mask": np.ones(length, "int32"),
        "global_attention_mask": np.zeros(length, "int32"),
        "segment_ids": rng.integers(0, 2, length),
        "document_ids": np.repeat([4, 2, 9][: len(lengths)], lengths),
    }
    first = np.cumsum((0, *lengths[:-1]))
    row["global_attention_mask"][first[0]] = 1
    row["global_attention_mask"][first[-1] + lengths[-1] // 2] = 1
    values = {"token_ids": 1}
    return {
        name: np.pad(x, (0, padding), constant_values=values.get(name, 0))
        .astype("int32")[None]
        .copy()
        for name, x in row.items()
    }


def alone(row, lengths):
    """The documents of a row, one after another, without `document_ids`."""
    ends = np.cumsum(lengths)
    for start, end in zip(ends - lengths, ends, strict=True):
        cut = {name: x[:, start:end] for name, x in row.items()}
        del cut["document_ids"]
        yield start, end, cut


@pytest.mark.parametrize("padding", [0, 5])
def test_a_packed_row_has_the_hidden_states_of_each_document_alone(padding):
    backbone = small_backbone(num_segments=2, attention_dilation=[1, 2])
    row = packed_row(SHORT, padding)
    packed = outputs_of(backbone, row)["sequence_output"]
    for start, end, document in alone(row, SHORT):
        expected = outputs_of(backbone, document)["sequence_output"]
        np.testing.assert_allclose(packed[:, start:end], expected, atol=2e-5)
    del row["document_ids"]
    assert np.abs(outputs_of(backbone, row)["sequence_output"] - packed).max() > 1e-2


@pytest.mark.slow
def test_long_rows_with_few_global_tokens_are_packed_too():
    backbone = small_backbone(num_segments=2, max_sequence_length=1400)
    lengths = (700, 600)
    row = packed_row(lengths, padding=40)
    packed = outputs_of(backbone, row)["sequence_output"]
    for start, end, document in alone(row, lengths):
        expected = outputs_of(backbone, document)["sequence_output"]
        np.testing.assert_allclose(packed[:, start:end], expected, atol=5e-5)


@pytest.mark.filterwarnings("ignore:No token was global")
@pytest.mark.parametrize(
    "is_compiled", [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_a_step_on_a_packed_row_is_a_step_on_each_document_alone(is_compiled):
    row = packed_row(SHORT, padding=3)
    positions = np.array([[2, 5, 7, 9, 18]], "int32")
    targets = np.array([[3, 8, 11, 30, 5]], "int32")
    inputs = {**row, "mask_positions": positions}
    rows, row_positions, weights = [], [], []
    for start, end, document in alone(row, SHORT):
        room = ((0, 0), (0, max(SHORT) - end + start))
        rows.append({name: np.pad(x, room) for name, x in document.items()})
        rows[-1]["token_ids"][rows[-1]["padding_mask"] == 0] = 1
        inside = (positions >= start) & (positions < end)
        row_positions.append(np.where(inside, positions - start, 0))
        weights.append(inside.astype("float32"))
    apart = {name: np.concatenate([x[name] for x in rows]) for name in rows[0]}
    apart["mask_positions"] = np.concatenate(row_positions)
    one = after_a_step(is_compiled, inputs, targets, np.ones((1, 5), "float32"))
    other = after_a_step(
        is_compiled, apart, np.repeat(targets, 3, axis=0), np.concatenate(weights)
    )
    assert one[0] == pytest.approx(other[0], rel=1e-5)
    for a, b in zip(one[1], other[1], strict=True):
        np.testing.assert_allclose(a, b, atol=3e-5)


def after_a_step(is_compiled, *batch):
    """The loss of a model, and its weights after one step of gradient descent."""
    backbone = small_backbone(num_layers=1, attention_window=4, num_segments=2)
    model = LongformerMaskedLM(backbone)
    draw_weights(model, seed=1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    model.compile(
        keras.optimizers.SGD(0.1),
        loss=loss,
        weighted_metrics=[],
        run_eagerly=not is_compiled,
        jit_compile=is_compiled,
    )
    loss = model.train_on_batch(*batch)
    return float(loss), [ops.convert_to_numpy(x) for x in model.trainable_weights]


def test_packed_rows_hold_every_text_once_in_few_rows():
    made = preprocessor("MaskedLM", sequence_length=12)
    texts = ["who is it", "the dog", ("a fox", "the dog"), "who", "text of a dog"]
    rows = made.packed_rows(texts)
    assert sorted(rows) == sorted((*made.input_names, "document_ids"))
    shapes = {x.shape for x in rows.values()}
    assert shapes == {(3, 12)}
    starts = rows["token_ids"] == CLS
    assert starts.sum() == len(texts)
    found = []
    for i in range(3):
        for document in range(1, rows["document_ids"][i].max() + 1):
            part = rows["document_ids"][i] == document
            found.append(rows["token_ids"][i][part].tolist())
            assert starts[i][part].tolist() == [True] + [False] * (part.sum() - 1)
    expected = [row.inputs["token_ids"].tolist() for row in made.rows(texts)]
    assert sorted(found) == sorted(expected)
    np.testing.assert_array_equal(rows["document_ids"] > 0, rows["padding_mask"])
    with pytest.warns(UserWarning, match="13 of 19 tokens"):
        preprocessor("MaskedLM", sequence_length=15).packed_rows(["dog " * 19, "fox"])


def test_masks_are_drawn_in_packed_rows_and_documents_pass_through():
    import tensorflow as tf

    made = preprocessor("MaskedLM", sequence_length=12, mask_selection_rate=0.5)
    rows = made.packed_rows(["who is it", "the dog", "a fox"])
    x, y, weights = made(rows)
    np.testing.assert_array_equal(x["document_ids"], rows["document_ids"])
    original = np.take_along_axis(rows["token_ids"], x["mask_positions"], axis=1)
    np.testing.assert_array_equal(y[weights > 0], original[weights > 0])
    dataset = tf.data.Dataset.from_tensor_slices(rows).batch(2).map(made)
    piped = next(iter(dataset))[0]
    np.testing.assert_array_equal(piped["document_ids"], rows["document_ids"])


@pytest.mark.filterwarnings("ignore:No token was global")
def test_a_masked_language_model_is_fitted_to_packed_rows():
    made = preprocessor("MaskedLM", sequence_length=12)
    backbone = small_backbone(num_layers=1, attention_window=4, padding_id=0)
    model = LongformerMaskedLM(backbone, made)
    model.compile("adam", run_eagerly=keras.backend.backend() == "tensorflow")
    rows = made.packed_rows(["who is it", "the dog", "a fox", "who"])
    losses = model.fit(rows, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
