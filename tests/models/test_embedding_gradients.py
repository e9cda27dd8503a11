"""A token that stands several times in a text moves by the sum of its gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.conversion import from_huggingface
from longkeras.layers import LearnedPositionEmbedding
from longkeras.models import ExactBertBackbone, LongformerTextClassifier
from longkeras.models.base.embeddings import Embedding, ReversibleEmbedding
from tests.models.longformer.small_longformer import small_backbone
from tests.models.small_models import small_model

ROWS, DIM = 5, 3
RATE, EPSILON, BETAS = 0.1, 1e-3, (0.9, 0.999)
IDS = np.array([[1, 1, 3], [1, 4, 4]], "int32")
TARGETS = np.random.default_rng(0).normal(size=(*IDS.shape, DIM)).astype("float32")
COMPILED = keras.backend.backend() == "jax"


class Positions(LearnedPositionEmbedding):
    """A position table that is given its positions as if they were tokens."""

    def call(self, inputs):
        return super().call(ops.zeros((*ops.shape(inputs), DIM)), positions=inputs)

    def build(self, inputs_shape):
        super().build((*inputs_shape, DIM))


TABLES = {
    "segments": lambda: Embedding(ROWS, DIM),
    "tokens": lambda: ReversibleEmbedding(ROWS, DIM),
    "positions": lambda: Positions(ROWS),
}


def adam(table, gradients):
    """Adam's steps as its paper has them, one gradient of the table after another."""
    first = second = np.zeros_like(table)
    for step, gradient in enumerate(gradients, 1):
        first = BETAS[0] * first + (1 - BETAS[0]) * gradient
        second = BETAS[1] * second + (1 - BETAS[1]) * gradient**2
        moved = first / (1 - BETAS[0] ** step)
        size = np.sqrt(second / (1 - BETAS[1] ** step))
        epsilon = EPSILON / np.sqrt(1 - BETAS[1] ** step)
        table = table - RATE * moved / (size + epsilon)
    return table


def gradient_of_mean_square(table):
    gradient = np.zeros_like(table)
    np.add.at(gradient, IDS, 2 * (table[IDS] - TARGETS) / TARGETS.size)
    return gradient


@pytest.mark.parametrize("name", TABLES)
def test_adam_moves_a_row_by_the_sum_over_its_uses(name):
    layer = TABLES[name]()
    tokens = keras.Input((IDS.shape[1],), dtype="int32")
    model = keras.Model(tokens, layer(tokens))
    before = ops.convert_to_numpy(layer.weights[0])
    model.compile(
        keras.optimizers.Adam(RATE, *BETAS, epsilon=EPSILON),
        "mse",
        jit_compile=COMPILED,
    )
    model.train_on_batch(IDS, TARGETS)
    expected = adam(before, [gradient_of_mean_square(before)])
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.weights[0]), expected, atol=1e-6
    )


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="others have no slices"
)
@pytest.mark.parametrize(
    "kind", ["longformer", "bert", "ngrams", "ngram_heads", "lstm"]
)
def test_no_gradient_of_a_model_is_a_list_of_slices(kind):
    import tensorflow as tf

    if kind == "longformer":
        model = small_backbone()
    elif kind == "bert":
        model = ExactBertBackbone(40, 1, 2, 8, 12, max_sequence_length=8)
    else:
        model = small_model(kind, num_layers=1).backbone
    inputs = {name: IDS * 0 + (name == "padding_mask") for name in model.input}
    inputs["token_ids"] = IDS
    with tf.GradientTape() as tape:
        outputs = model(inputs, training=True)
        total = sum(ops.sum(x) for x in keras.tree.flatten(outputs))
    tables = [x for x in model.trainable_weights if "embedding" in x.path]
    gradients = tape.gradient(total, [table.value for table in tables])
    given = [x for x in gradients if x is not None]
    assert given
    assert not [x for x in given if isinstance(x, tf.IndexedSlices)]


@pytest.mark.parity
def test_a_step_of_adam_is_that_of_pytorch(tmp_path):
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.LongformerConfig(
        vocab_size=12,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=40,
        attention_window=[4],
        type_vocab_size=2,
        layer_norm_eps=1e-5,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    theirs = transformers.LongformerForSequenceClassification(config)
    theirs.save_pretrained(tmp_path)
    ours = LongformerTextClassifier.from_preset(str(tmp_path))
    token_ids = np.random.default_rng(0).integers(3, 12, (4, 20))
    labels = np.array([0, 1, 1, 0])
    optimizer = torch.optim.Adam(theirs.parameters(), RATE, BETAS, eps=EPSILON)
    is_global = torch.zeros(4, 20, dtype=torch.int)
    is_global[:, 0] = 1
    theirs(
        torch.tensor(token_ids),
        global_attention_mask=is_global,
        labels=torch.tensor(labels),
    ).loss.backward()
    optimizer.step()
    ours.compile(
        # PyTorch corrects the second moment before it adds epsilon, Keras behind.
        keras.optimizers.Adam(
            RATE, *BETAS, epsilon=EPSILON * float(np.sqrt(1 - BETAS[1]))
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=COMPILED,
    )
    ours.train_on_batch({"token_ids": token_ids.astype("int32")}, labels)
    theirs.save_pretrained(tmp_path / "trained")
    expected = from_huggingface(tmp_path / "trained")
    for one, other in zip(ours.weights, expected.weights, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(one), ops.convert_to_numpy(other), atol=2e-4
        )
