import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longkeras.evaluation import (
    ContextUse,
    context_use,
    draw_passages,
    effective_context_length,
    estimate_mean,
    perturb,
    relative_effective_context,
)
from longkeras.evaluation.language_models.passages import PERTURBATIONS
from longkeras.text import byte_ids
from tests.evaluation.toy_models import BigramModel, CountingModel, counting_bits

TEXT = ("It is a truth, 凡有钱的单身汉，总想娶位太太。 " * 12).encode()
CHANGING = [kind for kind in PERTURBATIONS if kind != "truncate"]


def rng(seed=0):
    return np.random.default_rng(seed)


def passages(count=6, length=64):
    return draw_passages([TEXT], length, count, rng())


@settings(max_examples=60, deadline=None)
@given(
    context=st.one_of(st.binary(max_size=60), st.text(max_size=30).map(str.encode)),
    kind=st.sampled_from(PERTURBATIONS),
    distance=st.integers(0, 70),
    seed=st.integers(0, 9),
)
def test_what_is_near_stays_as_it_is(context, kind, distance, seed):
    changed = perturb(context, kind, distance, rng(seed), replacement=bytes(100))
    near = context[len(context) - distance :] if 0 < distance < len(context) else b""
    assert changed.endswith(near)
    assert len(changed) <= len(context)
    if kind in ("shuffle", "reverse"):
        assert sorted(changed) == sorted(context)
    if kind == "replace":
        assert len(changed) > len(context) - 8


@pytest.mark.parametrize("kind", CHANGING)
def test_a_span_leaves_what_is_before_it(kind):
    changed = perturb(TEXT, kind, 64, rng(), span=40, replacement=TEXT[::-1])
    border = len(TEXT) - 64 - 40 - 6
    assert changed != TEXT
    assert changed.startswith(TEXT[:border])


def test_content_and_function_words_together_are_all_words():
    text = b"In the sea, there was a whale; it did not speak. "
    content = perturb(text, "drop_function", 0, rng())
    function = perturb(text, "drop_content", 0, rng())
    assert content == b"sea, whale; speak. "
    assert function == b"In the there was a it did not "
    assert (
        perturb("他的书在我".encode(), "drop_content", 0, rng()).decode() == "他的在我"
    )


def test_half_of_the_words_are_dropped_at_random():
    kept = perturb(b"word " * 1000, "drop_random", 0, rng()).split()
    assert 400 < len(kept) < 600
    again = perturb(b"word " * 1000, "drop_random", 0, rng()).split()
    assert len(again) == len(kept), "the generator's seed decides"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("scramble", 4, rng()), "`kind`"),
        (("shuffle", -1, rng()), "`distance`"),
        (("shuffle", 4, rng(), 0), "`span`"),
        (("truncate", 4, rng(), 3), "`span`"),
        (("replace", 4, rng()), "`replacement`"),
        (("replace", 4, rng(), None, b"short"), "`replacement`"),
    ],
)
def test_what_cannot_be_done_to_a_context_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        perturb(TEXT, *arguments)


def test_bits_after_a_cut_context_are_exact():
    found = passages()
    use = context_use(
        CountingModel(), found, "truncate", [0, 5, 20], rng(), 8, batch_size=4
    )
    for place, passage in enumerate(found):
        ids = byte_ids(passage).astype(int)
        for row, distance in enumerate([0, 5, 20, 56]):
            cut = perturb(passage[:56], "truncate", distance, rng())
            context = ids[56 - len(cut) : 56] if cut else np.array([1])
            exact = np.mean(
                [
                    counting_bits(np.append(context, ids[56 : 56 + i]), ids[56 + i])
                    for i in range(8)
                ]
            )
            bits = use.whole_bits if distance == 56 else use.bits[row]
            np.testing.assert_allclose(bits[place], exact, rtol=1e-5)


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_a_model_of_two_bytes_does_not_mind_what_is_far(kind):
    use = context_use(
        BigramModel(), passages(), kind, [2, 8], rng(), 8, replacement=TEXT
    )
    for change in use.changes():
        assert (change.mean, change.low, change.high) == (0, 0, 0)
        assert change.count == 6
    if kind == "truncate":
        assert effective_context_length(use) == 2


def test_a_model_of_all_bytes_minds_another_text_but_not_its_order():
    arguments = (CountingModel(), passages(), [8], rng(), 8)
    model, found, distances, generator, length = arguments
    shuffled = context_use(model, found, "shuffle", distances, generator, length)
    np.testing.assert_allclose(shuffled.bits[0], shuffled.whole_bits, rtol=1e-6)
    other = context_use(
        *(model, found, "replace", distances, generator, length),
        replacement=b"#" * 200,
        whole_bits=shuffled.whole_bits,
    )
    assert other.whole_bits is shuffled.whole_bits
    assert other.changes()[0].low > 0


def test_a_limited_model_reads_as_much_as_it_can_and_no_more():
    model = CountingModel(context_length=63)
    use = context_use(model, passages(), "truncate", [20], rng(), 8)
    assert use.context_length == 56
    with pytest.raises(ValueError, match=r"model.context_length=62"):
        context_use(CountingModel(62), passages(), "truncate", [20], rng(), 8)


def test_passages_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="of one length"):
        context_use(BigramModel(), [b"ab", b"abc"], "truncate", [1], rng(), 1)
    with pytest.raises(ValueError, match="`target_length`"):
        context_use(BigramModel(), [b"abc"], "truncate", [1], rng(), 3)


def test_the_effective_length_has_no_gap_above_it():
    rises = np.array([[2.0], [0.0], [0.1], [0.0]])
    use = ContextUse("truncate", (8, 16, 32, 64), 128, 8, np.zeros(1), rises)
    assert effective_context_length(use) == 64
    assert effective_context_length(use, threshold=0.2) == 16
    bad = ContextUse("truncate", (8,), 128, 8, np.zeros(1), np.ones((1, 1)))
    assert effective_context_length(bad) == 128
    with pytest.raises(ValueError, match="'truncate'"):
        effective_context_length(ContextUse("shuffle", (8,), 9, 1, rises, rises))


def test_a_weak_model_is_not_far_sighted_for_having_more_to_gain():
    bits = {
        "strong": np.array([[2.0, 2.0], [1.9, 2.0], [1.9, 2.0]]),
        "weak": np.array([[4.0, 4.0], [3.0, 3.0], [2.0, 2.5]]),
    }
    found = relative_effective_context(bits, [8, 16, 32])
    assert found == {"strong": 16, "weak": 8}
    # At the hardest place of two nobody gains.
    found = relative_effective_context(bits, [8, 16, 32], hardest=0.5)
    assert found == {"strong": 8, "weak": 8}
    with pytest.raises(ValueError, match="`lengths`"):
        relative_effective_context(bits, [8, 32, 16])
    with pytest.raises(ValueError, match="`lengths`"):
        relative_effective_context(bits, [8, 16])


def test_passages_are_spread_over_all_texts_and_begin_with_a_character():
    texts = ["春" * 400, b"a" * 10, b"b" * 1200]
    found = draw_passages(texts, 30, 20, rng())
    assert [len(passage) for passage in found] == [30] * 20
    assert all(passage.decode()[0] in "春b" for passage in found)
    assert sum(passage[0] == ord("b") for passage in found) == 10
    assert found == draw_passages(texts, 30, 20, rng())


@pytest.mark.parametrize(
    ("length", "count", "message"),
    [(0, 1, "`length`"), (5, 0, "`count`"), (99, 1, "`texts`")],
)
def test_passages_that_cannot_be_drawn_are_refused(length, count, message):
    with pytest.raises(ValueError, match=message):
        draw_passages(["short"], length, count, rng())


def test_intervals_hold_the_mean_about_as_often_as_they_say():
    draws = rng().normal(size=(200, 40))
    estimates = [estimate_mean(values) for values in draws]
    held = np.mean([one.low <= 0 <= one.high for one in estimates])
    assert 0.88 < held < 0.99
    assert estimates[0].standard_error == pytest.approx(
        draws[0].std(ddof=1) / np.sqrt(40)
    )
    with pytest.raises(ValueError, match="`values`"):
        estimate_mean([])
