"""The decode contract has room for an encoder: a toy that generates and streams."""

import keras
import keras_hub
import numpy as np
import pytest
from keras import ops

from longkeras.models import ByteTokenizer
from longkeras.models.generation.causal_lm import DecodingCausalLM

HIDDEN, LENGTH = 12, 10
TEXTS = ["It was the best", "天", "Call me Ishmael."]


def attended(queries, encoder_state):
    """Attention to an encoder: `(batch, sequence, HIDDEN)`."""
    scores = ops.einsum("bqh,bkh->bqk", queries, encoder_state["keys"])
    is_seen = ops.cast(encoder_state["mask"], "bool")[:, None]
    weights = ops.softmax(ops.where(is_seen, scores, -1e9))
    return ops.einsum("bqk,bkh->bqh", weights, encoder_state["values"])


class ToyBackbone(keras_hub.models.Backbone):
    """A decoder that sums up its own tokens, and attends to encoder embeddings."""

    def __init__(self, vocabulary_size=259):
        self.token_embedding = keras_hub.layers.ReversibleEmbedding(
            vocabulary_size, HIDDEN, tie_weights=True
        )
        self.key_dense = keras.layers.Dense(HIDDEN, use_bias=False)
        names = ("token_ids", "padding_mask")
        inputs = {
            f"{part}_{name}": keras.Input((None,), dtype="int32", name=f"{part}_{name}")
            for part in ("encoder", "decoder")
            for name in names
        }
        embedded = self.token_embedding(inputs["decoder_token_ids"])
        memory = ops.tanh(ops.cumsum(embedded, axis=1))
        outputs = memory + attended(memory, self.encode(inputs))
        super().__init__(inputs=inputs, outputs=outputs)
        self.vocabulary_size, self.hidden_dim = vocabulary_size, HIDDEN

    def encode(self, inputs):
        values = self.token_embedding(inputs["encoder_token_ids"])
        mask = inputs["encoder_padding_mask"]
        return {"keys": self.key_dense(values), "values": values, "mask": mask}


class ToySeq2SeqLM(DecodingCausalLM):
    """An encoder-decoder model; `limit` is the length of its decoder's context."""

    limit = None
    num_encoded = 0

    @property
    def context_length(self):
        return self.limit

    def encode(self, inputs):
        self.num_encoded += 1
        return self.backbone.encode(inputs)

    def initial_state(self, batch_size, max_length=None, encoder_state=None):
        position = ops.zeros((batch_size,), dtype="int32")
        memory = ops.zeros((batch_size, HIDDEN))
        return {"position": position, "memory": memory, "encoder": encoder_state}

    def read_chunk(self, token_ids, lengths, state):
        columns = ops.arange(token_ids.shape[1], dtype="int32")
        embedded = self.backbone.token_embedding(token_ids)
        embedded = ops.where((columns < lengths[:, None])[:, :, None], embedded, 0.0)
        memory = state["memory"][:, None] + ops.cumsum(embedded, axis=1)
        queries = ops.tanh(memory)
        hidden_states = queries + attended(queries, state["encoder"])
        position = state["position"] + lengths
        state = {**state, "position": position, "memory": memory[:, -1]}
        return hidden_states, state

    def prompt_inputs(self, prompt):
        inputs = self.preprocessor.generate_preprocess([prompt])
        start = np.array([[self.preprocessor.tokenizer.start_token_id]], "int32")
        return {**inputs, "decoder_token_ids": start}


@pytest.fixture(scope="module", name="model")
def _model():
    keras.utils.set_random_seed(0)
    backbone = ToyBackbone()
    for weight in backbone.weights:
        weight.assign(keras.random.normal(weight.shape, seed=3))
    preprocessor = keras_hub.models.Seq2SeqLMPreprocessor(
        ByteTokenizer(), encoder_sequence_length=24, decoder_sequence_length=LENGTH
    )
    model = ToySeq2SeqLM(backbone, preprocessor)
    is_jax = keras.backend.backend() == "jax"
    model.compile(sampler="greedy", jit_compile=is_jax, run_eagerly=not is_jax)
    return model


def greedy_text(model, text):
    """The likeliest bytes, each from the whole functional model."""
    inputs = model.preprocessor.generate_preprocess([text])
    ids = [1]
    while len(ids) < LENGTH and ids[-1] != 2:
        token_ids = ops.convert_to_tensor([ids], dtype="int32")
        hidden_states = model.backbone(
            {
                **{name: inputs[name] for name in inputs if name.startswith("enc")},
                "decoder_token_ids": token_ids,
                "decoder_padding_mask": ops.ones_like(token_ids),
            }
        )
        logits = ops.convert_to_numpy(model.logits_of(hidden_states))[0, -1]
        ids.append(2 + int(np.argmax(logits[2:])))
    return bytes(i - 3 for i in ids if i >= 3).decode("utf-8", "replace")


def test_greedy_texts_of_a_batch_are_those_of_the_full_pass(model):
    expected = [greedy_text(model, text) for text in TEXTS]
    assert len(set(expected)) > 1, "the encoder should make a difference"
    assert model.generate(TEXTS, max_length=LENGTH) == expected
    columns = {"encoder_text": TEXTS[0], "decoder_text": ""}
    assert model.generate(columns, max_length=LENGTH) == expected[0]


def test_a_stream_is_what_is_generated(model):
    for text in TEXTS:
        pieces = model.stream(text, max_length=LENGTH)
        assert "".join(pieces) == greedy_text(model, text)


def test_ids_go_in_and_out_by_the_decoders_names(model):
    inputs = model.preprocessor.generate_preprocess(TEXTS)
    outputs = model.generate_step(inputs, (2,))
    assert sorted(outputs) == ["decoder_padding_mask", "decoder_token_ids"]
    texts = model.preprocessor.generate_postprocess(outputs)
    assert list(texts) == model.generate(TEXTS, max_length=LENGTH)


def test_beams_see_the_encoder_too(model):
    before = model.sampler
    try:
        model.sampler = keras_hub.samplers.BeamSampler(num_beams=1)
        expected = [greedy_text(model, text) for text in TEXTS]
        assert model.generate(TEXTS, max_length=LENGTH) == expected
    finally:
        model.sampler = before


def test_a_stream_reads_the_encoders_text_again_only_where_the_context_is_full(model):
    model.limit, model.num_encoded = 8, 0
    try:
        for _ in zip(range(30), model.stream(TEXTS[0], max_length=40), strict=False):
            pass
        assert model.num_encoded <= 1 + 40 // 4
    finally:
        model.limit = None
