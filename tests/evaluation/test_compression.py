import numpy as np
import pytest

from longkeras.data import Book
from longkeras.evaluation import bits_per_byte, evaluate_books
from tests.evaluation.toy_models import BigramModel, CountingModel

TEXT = "Happy families are all alike; every unhappy family is unhappy in its own way."


def test_the_result_says_what_was_measured():
    result = bits_per_byte(CountingModel(), TEXT, return_bits=True)
    assert result.num_bytes == len(TEXT)
    assert result.bits.dtype == np.float32
    assert result.bits_per_byte == pytest.approx(result.bits.mean())
    assert result.protocol.startswith("streaming")
    assert result.seconds > 0
    assert bits_per_byte(CountingModel(), TEXT).bits is None


def test_a_limited_model_is_read_in_strides_unless_told_otherwise():
    result = bits_per_byte(CountingModel(context_length=16), TEXT)
    assert result.protocol == "strided: segments of 16 bytes, a new one every 8"
    segment = bits_per_byte(CountingModel(context_length=16), TEXT, "segment")
    assert segment.protocol == "segment: independent segments of 16 bytes"


def test_books_are_scored_by_language_as_if_one_by_one():
    books = [
        Book("a", "en", TEXT),
        Book("b", "zh", "幸福的家庭都是相似的；"),
        Book("c", "en", TEXT[:20]),
        Book("d", "en", TEXT * 2),
    ]
    scores = evaluate_books(CountingModel(), books, chunk_length=16, batch_size=2)
    assert set(scores) == {"en", "zh"}
    single = [
        bits_per_byte(CountingModel(), book.text)
        for book in books
        if book.language == "en"
    ]
    total = sum(result.bits_per_byte * result.num_bytes for result in single)
    assert scores["en"].num_books == 3
    assert scores["en"].num_bytes == sum(result.num_bytes for result in single)
    assert scores["en"].num_skipped_bytes == 0
    expected = total / scores["en"].num_bytes
    assert scores["en"].bits_per_byte == pytest.approx(expected, rel=1e-5)


def test_what_is_left_of_a_book_is_counted():
    books = [Book("a", "en", TEXT), Book("b", "en", TEXT[:5])]
    score = evaluate_books(BigramModel(), books, max_bytes_per_book=10)["en"]
    assert score.num_bytes == 15
    assert score.num_skipped_bytes == len(TEXT) - 10


def test_no_books_are_refused():
    with pytest.raises(ValueError, match="`books`"):
        evaluate_books(BigramModel(), [])
