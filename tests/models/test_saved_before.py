"""Models that an earlier release saved, before n-grams: they load and say the same."""

import pathlib

import numpy as np
import pytest
from keras import ops

from longkeras import load_model

FOLDER = pathlib.Path(__file__).parents[1] / "golden" / "saved_before"


@pytest.mark.parametrize("kind", ["lstm", "windowed"])
def test_what_was_saved_before_gives_the_same_numbers(kind):
    stored = np.load(FOLDER / "logits.npz")
    model = load_model(FOLDER / kind)
    assert model.backbone.ngram_embedding is None
    logits = ops.convert_to_numpy(model({"token_ids": stored["token_ids"]}))
    np.testing.assert_allclose(logits[0, [0, 9, 19]], stored[kind], atol=1e-4)
