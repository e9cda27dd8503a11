import numpy as np
import pytest

from longkeras.evaluation import bits_by_position, bits_per_byte
from tests.evaluation.toy_models import BigramModel, CountingModel

TEXTS = ["It is a truth universally acknowledged, ", "that a single man in possession "]


@pytest.mark.parametrize("limit", [None, 32])
def test_bins_are_means_of_the_bits_in_them(limit):
    edges = [2, 3, 16, 32]
    bins = bits_by_position(CountingModel(limit), TEXTS, edges, chunk_length=7)
    bits = [
        bits_per_byte(CountingModel(), text, return_bits=True).bits for text in TEXTS
    ]
    for one, (start, end) in zip(bins, [(2, 3), (3, 16), (16, 32)], strict=True):
        means = [row[start:end].mean() for row in bits]
        assert (one.start, one.end, one.bits_per_byte.count) == (start, end, 2)
        np.testing.assert_allclose(one.bits_per_byte.mean, np.mean(means), rtol=1e-5)


def test_bins_double_unless_given():
    bins = bits_by_position(BigramModel(), [bytes(70), bytes(65)])
    assert [(one.start, one.end) for one in bins] == [(0, 16), (16, 32), (32, 64)]


@pytest.mark.parametrize(
    ("texts", "edges"), [(TEXTS, [0, 64]), (TEXTS, [4, 4]), (TEXTS, [4]), ([], None)]
)
def test_edges_that_do_not_fit_are_refused(texts, edges):
    with pytest.raises(ValueError, match="`edges`"):
        bits_by_position(BigramModel(), texts, edges)


def test_a_limited_model_has_no_bits_behind_its_limit():
    with pytest.raises(ValueError, match=r"model.context_length=8"):
        bits_by_position(CountingModel(8), TEXTS, [0, 16])
