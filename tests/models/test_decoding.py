"""Every kind of model keeps the decode contract."""

import keras
import numpy as np
import pytest
from keras import ops, tree

from longkeras.ops.ngrams.followers import ngram_followers
from tests.contracts import decode_contract
from tests.contracts.decode_contract import PADDINGS, Decoder
from tests.models.small_models import (
    CONSTANT_STATE,
    CONTEXT_LENGTH,
    KINDS,
    letters_of,
    random_ids,
    small_model,
)

# What says little beside the others waits for the long suite on TensorFlow.
LATER = ("windowed", "mixed", "ngrams", "gru")
later = pytest.mark.slow_on("tensorflow")


@pytest.fixture(
    scope="module",
    params=[pytest.param(kind, marks=later if kind in LATER else ()) for kind in KINDS],
)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def decoder(kind):
    return Decoder(small_model(kind), letters=letters_of(kind))


def test_step_equals_the_full_pass_through_two_ring_wraps(decoder):
    decode_contract.check_step_equals_the_full_pass(decoder)


def test_prefill_in_chunks_equals_the_full_pass(decoder):
    decode_contract.check_prefill_in_chunks_equals_the_full_pass(decoder)


@pytest.mark.parametrize("padding", PADDINGS)
def test_padding_is_skipped_wherever_it_stands(decoder, padding):
    decode_contract.check_padding_is_skipped_wherever_it_stands(decoder, padding)


def test_a_chunk_of_padding_alone_changes_nothing(decoder):
    decode_contract.check_an_empty_batch_changes_nothing(decoder)


def test_rows_of_a_state_can_be_repeated_and_gathered(decoder):
    decode_contract.check_rows_can_be_repeated_and_gathered(decoder)


def test_left_padding_of_a_full_pass_changes_nothing(decoder):
    decode_contract.check_left_padding_of_a_full_pass_changes_nothing(decoder)


def test_nothing_sees_the_future(decoder):
    decode_contract.check_nothing_sees_the_future(decoder)


def test_the_text_repeats_itself_where_heads_look_for_that(decoder, kind):
    if kind not in ("ngram_heads", "lstm_ngrams"):
        return
    heads = decoder.model.backbone.ngram_heads
    found = ngram_followers(decoder.text, heads.ngram_sizes, heads.window)
    assert np.mean(ops.convert_to_numpy(found) >= 0) > 0.3


def test_the_rings_wrap_twice_in_these_tests(decoder, kind):
    if kind not in ("windowed", "dilated"):
        return
    slots = [
        layer.attention.cache_slots()
        for layer in decoder.model.backbone.transformer_layers
    ]
    assert 1 < max(slots) <= decode_contract.TEXT_LENGTH // 2


@pytest.mark.parametrize("kind", ["global"], indirect=True)
def test_global_tokens_of_a_prompt_stay_seen(decoder):
    """Prompts of two chunks, with global tokens here and there; then single steps."""
    model, text = decoder.model, decoder.text
    chunk, length = decode_contract.CHUNK_LENGTH, decode_contract.TEXT_LENGTH
    is_global = np.zeros(text.shape, bool)
    is_global[0, [0, 15]] = is_global[1, [3, 4, 9]] = True
    inputs = {"token_ids": text, "global_attention_mask": is_global}
    expected = ops.convert_to_numpy(model(inputs))
    assert np.abs(expected - decoder.truth[0])[:2, -1].max() > 1e-2
    np.testing.assert_allclose(expected[2], decoder.truth[0][2], atol=3e-4)

    state = model.initial_state(len(text), num_global_tokens=3, prompt_length=16)
    for start in range(0, 2 * chunk, chunk):
        part = slice(start, start + chunk)
        logits, _, state = decoder.prefill(
            text[:, part], np.ones_like(text[:, part]), state, is_global[:, part]
        )
        decoder.assert_close(logits, expected[:, part], f"chunk from {start}")
    state = model.without_prompt(state)
    for place in range(2 * chunk, length):
        logits, _, state = decoder.step(text[:, place], state)
        decoder.assert_close(logits, expected[:, place], f"place {place}")


def test_state_bytes_is_what_the_state_holds(decoder):
    state = decoder.start(2)
    expected = sum(ops.convert_to_numpy(x).nbytes for x in tree.flatten(state))
    length = decode_contract.TEXT_LENGTH
    assert decoder.model.state_bytes(2, length) == expected


def test_only_full_attention_keeps_more_of_a_longer_text(decoder, kind):
    short, long = (decoder.model.state_bytes(1, length) for length in (20, 40))
    assert (short == long) == (kind in CONSTANT_STATE)
    # Every row keeps a state of its own.
    assert decoder.model.state_bytes(3, 20) == 3 * short


def test_only_full_attention_has_a_context_length(decoder, kind):
    limited = kind not in CONSTANT_STATE
    assert decoder.model.context_length == (CONTEXT_LENGTH if limited else None)


def test_full_attention_wants_a_length_that_it_can_take(decoder, kind):
    model = decoder.model
    if kind in CONSTANT_STATE:
        assert model.initial_state(2) is not None
        assert model.initial_state(2, 10**9) is not None
        return
    with pytest.raises(ValueError, match=r"`max_length` must be given.*max_length"):
        model.initial_state(2)
    with pytest.raises(ValueError, match=rf"at most {CONTEXT_LENGTH}.*max_length=49"):
        model.initial_state(2, CONTEXT_LENGTH + 1)


def test_state_bytes_of_full_attention_is_that_of_its_whole_context():
    model = small_model("full")
    assert model.state_bytes() == model.state_bytes(1, CONTEXT_LENGTH)


def test_mixed_precision_keeps_the_contract():
    model = small_model("windowed", dtype="mixed_bfloat16")
    decoder = Decoder(model, tolerance=0.1)
    decode_contract.check_prefill_in_chunks_equals_the_full_pass(decoder)
    decode_contract.check_step_equals_the_full_pass(decoder)


@pytest.mark.parametrize("kind", ["windowed", "lstm"])
def test_compiled_functions_equal_the_plain_ones_and_see_new_weights(kind):
    model = small_model(kind, num_layers=1)
    token_ids = ops.convert_to_tensor(random_ids(2, 4))
    mask = ops.ones_like(token_ids)
    for factor in (1.0, 1.5):
        embeddings = model.backbone.token_embedding.embeddings
        embeddings.assign(embeddings * factor)
        state = model.initial_state(2)
        for compiled, plain in (
            (
                model.compiled_prefill(token_ids, mask, state),
                model.prefill(token_ids, mask, state),
            ),
            (
                model.compiled_step(token_ids[:, 0], state),
                model.step(token_ids[:, 0], state),
            ),
        ):
            tree.map_structure(assert_close, compiled, plain)


def assert_close(one, other):
    one, other = (keras.ops.convert_to_numpy(x) for x in (one, other))
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
