"""One string, a batch of them and a pipeline give the same ids."""

import numpy as np
import pytest
from keras import ops

from longkeras.models import (
    ByteTokenizer,
    RecurrentCausalLMPreprocessor,
    TransformerCausalLMPreprocessor,
)

TEXTS = ["", "a", "话说", "exactly11c!", "longer than the sequence"]
LENGTH = 12


@pytest.fixture(
    scope="module",
    params=[RecurrentCausalLMPreprocessor, TransformerCausalLMPreprocessor],
)
def preprocessor(request):
    return request.param(ByteTokenizer(), sequence_length=LENGTH)


def as_arrays(batch):
    x, y, sample_weight = batch
    parts = x["token_ids"], x["padding_mask"], y, sample_weight
    return [np.asarray(ops.convert_to_numpy(part)).astype(int) for part in parts]


def test_ids_are_start_bytes_end_and_padding(preprocessor):
    token_ids, mask, y, weight = as_arrays(preprocessor(TEXTS))
    for i, text in enumerate(TEXTS):
        ids = [1, *(byte + 3 for byte in text.encode())][:LENGTH]
        ids = [*ids, 2] if len(ids) < LENGTH + 1 else ids
        ids = (ids + [0] * LENGTH)[: LENGTH + 1]
        if len(text.encode()) >= LENGTH:
            ids[-1] = 2  # KerasHub cuts the text and keeps the end.
        assert token_ids[i].tolist() == ids[:-1]
        assert y[i].tolist() == ids[1:]
        assert mask[i].tolist() == [int(part != 0) for part in ids[:-1]]
        assert weight[i].tolist() == [int(part != 0) for part in ids[1:]]


def test_one_is_a_row_of_the_batch(preprocessor):
    batch = as_arrays(preprocessor(TEXTS))
    for i, text in enumerate(TEXTS):
        for one, rows in zip(as_arrays(preprocessor([text])), batch, strict=True):
            np.testing.assert_array_equal(one[0], rows[i])


def test_a_pipeline_gives_the_batch(preprocessor):
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(TEXTS).batch(len(TEXTS))
    piped = next(iter(dataset.map(preprocessor)))
    for one, other in zip(
        as_arrays(piped), as_arrays(preprocessor(TEXTS)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_prompt_has_no_end_and_comes_back(preprocessor):
    texts = [text for text in TEXTS if len(text.encode()) < LENGTH]
    prompts = preprocessor.generate_preprocess(texts, sequence_length=LENGTH)
    token_ids = np.asarray(ops.convert_to_numpy(prompts["token_ids"]))
    mask = np.asarray(ops.convert_to_numpy(prompts["padding_mask"])).astype(bool)
    assert not (token_ids == 2).any()
    for text, row in zip(texts, mask, strict=True):
        assert row.sum() == len(text.encode()) + 1
    back = preprocessor.generate_postprocess(
        {"token_ids": token_ids, "padding_mask": mask}
    )
    assert list(back) == texts


def test_weights_of_texts_weigh_their_tokens_and_targets_are_refused(preprocessor):
    *_, plain = as_arrays(preprocessor(TEXTS))
    weights = np.arange(5.0)
    *_, found = preprocessor(TEXTS, sample_weight=weights)
    np.testing.assert_array_equal(found, plain * weights[:, None])
    *_, found = preprocessor(TEXTS[3], sample_weight=3.0)
    np.testing.assert_array_equal(found, plain[3] * 3.0)
    with pytest.raises(ValueError, match="`y` must be None"):
        preprocessor(TEXTS, [0] * 5)


def test_a_preprocessor_without_a_length_serves_generate_alone():
    preprocessor = RecurrentCausalLMPreprocessor(ByteTokenizer(), sequence_length=None)
    prompts = preprocessor.generate_preprocess(["abc"], sequence_length=6)
    assert np.shape(prompts["token_ids"]) == (1, 6)
    with pytest.raises(ValueError, match="`sequence_length` must be an int"):
        preprocessor(["abc"])
