"""Cross-attention against its definition in float64, forward and gradient."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.ops import cross_attention
from tests.ops import oracle
from tests.ops.gradients import (
    as_array,
    differentiated,
    largest_tensor,
    outputs_and_gradients,
)

HEADS, KV_HEADS, HEAD_DIM = 4, 2, 3
LENGTHS = [(1, 1), (1, 300), (63, 65), (64, 1), (65, 513), (300, 520)]


def projections(queries, keys, batch=2, seed=0):
    """Query, key, value, and a gradient of the output, in float64."""
    rng = np.random.default_rng(seed)
    shapes = [(batch, queries, HEADS), (batch, keys, KV_HEADS), (batch, keys, KV_HEADS)]
    shapes.append(shapes[0])
    return [rng.normal(size=(*shape, HEAD_DIM)) for shape in shapes]


def masks_of(queries, keys, batch=2, seed=1):
    """Masks with holes; the second row of the batch sees no key."""
    rng = np.random.default_rng(seed)
    query_mask = rng.random((batch, queries)) < 0.8
    key_mask = rng.random((batch, keys)) < 0.7
    query_mask[0, 0] = key_mask[0, -1] = True
    key_mask[1] = False
    return {"query_mask": query_mask, "key_mask": key_mask}


def expected(query, key, value, upstream, query_mask=None, key_mask=None, keep=None):
    """The output and three gradients from the definition, in float64."""
    groups = HEADS // KV_HEADS
    key, value = (np.repeat(x, groups, axis=2) for x in (key, value))
    seen = np.ones((len(query), 1, query.shape[1], key.shape[1]), bool)
    if query_mask is not None:
        seen &= query_mask[:, None, :, None] & key_mask[:, None, None, :]
    # b batch, h head, q query, k key, d head_dim
    scores = np.einsum("bqhd,bkhd->bhqk", query, key) * HEAD_DIM**-0.5
    scores = np.where(seen, scores, -1e300)
    weights = np.exp(scores - scores.max(-1, keepdims=True)) * seen
    weights /= np.maximum(weights.sum(-1, keepdims=True), 1e-300)
    keep = 1.0 if keep is None else keep
    output = np.einsum("bhqk,bkhd->bqhd", weights * keep, value)
    weight_gradient = np.einsum("bqhd,bkhd->bhqk", upstream, value) * keep
    inner = (weights * weight_gradient).sum(-1, keepdims=True)
    score_gradient = weights * (weight_gradient - inner) * HEAD_DIM**-0.5
    of_query = np.einsum("bhqk,bkhd->bqhd", score_gradient, key)
    of_key = np.einsum("bhqk,bqhd->bkhd", score_gradient, query)
    of_value = np.einsum("bhqk,bqhd->bkhd", weights * keep, upstream)
    shape = (len(query), -1, KV_HEADS, groups, HEAD_DIM)
    return output, [of_query, *(x.reshape(shape).sum(3) for x in (of_key, of_value))]


def computed(inputs, upstream, jit=None, **options):
    tensors = [ops.convert_to_tensor(x, "float32") for x in inputs]

    def attend(*tensors):
        return cross_attention(*tensors, **options)

    return outputs_and_gradients(attend, tensors, upstream.astype("float32"), jit)


def assert_as_expected(found, wanted):
    np.testing.assert_allclose(found[0], wanted[0], atol=2e-5)
    for a, b in zip(found[1], wanted[1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.parametrize(("queries", "keys"), LENGTHS)
def test_any_two_lengths_give_the_definition_with_and_without_masks(queries, keys):
    *inputs, upstream = projections(queries, keys)
    found = computed(inputs, upstream)
    assert_as_expected(found, expected(*inputs, upstream))
    masks = masks_of(queries, keys)
    output, gradients = found = computed(inputs, upstream, **masks)
    assert_as_expected(found, expected(*inputs, upstream, **masks))
    assert not output[1].any() and not any(x[1].any() for x in gradients)
    assert not output[~masks["query_mask"]].any()


def test_padding_may_hold_anything():
    *inputs, upstream = projections(70, 90)
    masks = masks_of(70, 90)
    wanted = expected(*inputs, upstream, **masks)
    inputs[0][~masks["query_mask"]] = np.nan
    for x in inputs[1:]:
        x[~masks["key_mask"]] = np.inf
    assert_as_expected(computed(inputs, upstream, **masks), wanted)


def test_dropout_drops_the_weights_that_the_seed_names():
    queries, keys, rate = 9, 520, 0.3
    *inputs, upstream = projections(queries, keys)
    keep = np.zeros((2, HEADS, queries, keys))
    for row, head, i in np.ndindex(keep.shape[:3]):
        keep[row, head, i] = oracle.keeps(5, row, head, i, np.arange(keys), rate)
    found = computed(inputs, upstream, dropout=rate, seed=5)
    assert_as_expected(found, expected(*inputs, upstream, keep=keep / (1 - rate)))


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="has no XLA")
def test_compiling_changes_nothing():
    *inputs, upstream = projections(65, 600)
    masks = masks_of(65, 600)
    wanted = expected(*inputs, upstream, **masks)
    assert_as_expected(computed(inputs, upstream, jit=True, **masks), wanted)


def test_a_model_takes_sequences_of_any_length():
    query = keras.Input((None, HEADS, HEAD_DIM))
    key = keras.Input((None, KV_HEADS, HEAD_DIM))
    mask = keras.Input((None,), dtype="bool")
    model = keras.Model(
        [query, key, mask], cross_attention(query, key, key, key_mask=mask)
    )
    assert model.output.shape == (None, None, HEADS, HEAD_DIM)
    query, key, _, upstream = projections(7, 20)
    masks = masks_of(7, 20)
    del masks["query_mask"]
    mask = masks["key_mask"]
    output = model([query.astype("float32"), key.astype("float32"), mask])
    everyone = {"query_mask": np.ones((2, 7), bool), "key_mask": mask}
    wanted, _ = expected(query, key, key, upstream, **everyone)
    np.testing.assert_allclose(ops.convert_to_numpy(output), wanted, atol=2e-5)


def test_half_precision_stays_close_over_many_keys():
    *inputs, upstream = projections(3, 4000)
    tensors = [ops.convert_to_tensor(x, "bfloat16") for x in inputs]
    output = cross_attention(*tensors)
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    rounded = [np.asarray(x, "float64") for x in map(as_array, tensors)]
    wanted, _ = expected(*rounded, upstream)
    np.testing.assert_allclose(as_array(output), wanted, atol=2e-3)


def test_memory_grows_with_the_keys_not_with_the_product():
    keys = 2048 if keras.backend.backend() == "torch" else 8192
    tensors = [ops.convert_to_tensor(x, "float32") for x in projections(256, keys)]
    largest = largest_tensor(differentiated(cross_attention), tensors[:3])
    assert largest < HEADS * 256 * keys


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query_mask": np.ones((2, 4))}, "`query_mask` must have a value for every q"),
        ({"key_mask": np.ones((2, 5))}, "`key_mask` must have a value for every key"),
        ({"key": np.ones((3, 4, 2, 3))}, "`key` and `value` must have one shape"),
        ({"query": np.ones((1, 5, 4, 3))}, "`query` and `key` must have one batch"),
        ({"dropout": 0.1}, "`dropout` needs a `seed`"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    query, key, value, _ = projections(5, 4)
    arguments = {"query": query, "key": key, "value": value, **changes}
    with pytest.raises(ValueError, match=message):
        cross_attention(**arguments)
