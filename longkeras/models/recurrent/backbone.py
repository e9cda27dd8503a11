"""The recurrent language model without a head."""

from collections.abc import Mapping
from typing import ClassVar

import keras
import keras_hub
import numpy as np
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.layers.activation_penalty import ActivationPenalty
from longkeras.layers.counter_dropout import CounterDropout
from longkeras.layers.recurrent_stack import RecurrentStack
from longkeras.layers.token_dropout import TokenDropout
from longkeras.models.base.embeddings import ReversibleEmbedding
from longkeras.models.base.inputs import DOCUMENT_IDS, PADDING_MASK, TOKEN_IDS
from longkeras.models.base.ngram_token_embedding import NGramTokenEmbedding
from longkeras.models.base.text_backbone import TextBackbone


@keras.saving.register_keras_serializable(package="longkeras")
class RecurrentBackbone(
    NGramTokenEmbedding,
    TextBackbone,
    keras_hub.models.Backbone,
):
    """Token embedding and a stack of LSTM, GRU or plain recurrent layers.

    The state has a constant size, however long the text.

    Args:
        vocabulary_size: int. Number of token ids.
        num_layers: int. Recurrent layers.
        hidden_dim: int. Size of embedding and of every layer's state.
        cell: `"lstm"`, `"gru"` or `"rnn"`. Defaults to `"lstm"`.
        dropout: float. Rate between layers and before the head. Defaults to `0.0`.
        embedding_dropout: float. Rate of token ids, which are dropped at all their
            positions. Defaults to `0.0`.
        input_dropout: float. Rate of the embedded tokens. Defaults to `0.0`.
        output_dropout: float. Rate before the head. Defaults to `None`, `dropout`.
        weight_dropout: float. Rate of single recurrent weights. Defaults to `0.0`.
        locked_dropout: bool. Whether dropout, except that of token ids and weights,
            drops the same units at every token of a row. Defaults to `False`.
        activation_penalty: float. Weight of the mean square of the outputs in the
            loss. Defaults to `0.0`.
        slowness_penalty: float. Weight of the mean square of their change from token
            to token. Defaults to `0.0`.
        trainable_embeddings: bool. Defaults to `True`.
        ngram_features: `longkeras.layers.NGramFeatures`. N-gram embedding and n-gram
            heads, added to the token embeddings. Defaults to `None`, neither.
        seed: int. Seed of the embedding and the dropout. Defaults to `None`.
        dtype: string or `keras.DTypePolicy`. Defaults to `None`, Keras' own.
        **kwargs: See `keras_hub.models.Backbone`.

    Call arguments:
        inputs: dict of `token_ids` `(batch, sequence)` and, if not all are real,
            `padding_mask` `(batch, sequence)`, 0 or False at padding. With
            `document_ids` `(batch, sequence)` the state begins anew wherever a row's
            id changes from one token to the next.

    Returns:
        Hidden states `(batch, sequence, hidden_dim)`.

    Example:

    ```python
    import numpy as np
    from longkeras.models import RecurrentBackbone

    backbone = RecurrentBackbone(vocabulary_size=259, num_layers=2, hidden_dim=16)
    inputs = {
        "token_ids": np.ones((1, 40), "int32"),
        "padding_mask": np.ones((1, 40), "int32"),
    }
    assert tuple(backbone(inputs).shape) == (1, 40, 16)
    ```

    Reference:
        [Zaremba et al., 2014](https://arxiv.org/abs/1409.2329); AWD-LSTM of
        [Merity et al., 2017](https://arxiv.org/abs/1708.02182)
    """

    # `document_ids` stay None for texts that are not packed, at no cost.
    input_table = (TOKEN_IDS, PADDING_MASK, DOCUMENT_IDS)
    unsupported: ClassVar = {
        "enable_lora": "`enable_lora` adapts dense layers, and the recurrent weights "
        "are none: train all weights, or use `CausalTransformerBackbone`",
        "huggingface": "`preset` must be a folder that `save_to_preset` wrote: there "
        "is no Hugging Face format for this family",
    }

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        hidden_dim,
        cell="lstm",
        dropout=0.0,
        embedding_dropout=0.0,
        input_dropout=0.0,
        output_dropout=None,
        weight_dropout=0.0,
        locked_dropout=False,
        activation_penalty=0.0,
        slowness_penalty=0.0,
        trainable_embeddings=True,
        ngram_features=None,
        seed=None,
        dtype=None,
        **kwargs,
    ):
        check_arguments(locals(), may_be_none=("output_dropout",))
        # === Layers ===
        self.token_embedding = ReversibleEmbedding(
            input_dim=vocabulary_size,
            output_dim=hidden_dim,
            tie_weights=True,
            embeddings_initializer=keras.initializers.RandomUniform(
                -0.1, 0.1, seed=seed
            ),
            dtype=dtype,
            trainable=trainable_embeddings,
            name="token_embedding",
        )
        self.add_ngram_layers(ngram_features, vocabulary_size, hidden_dim, seed, dtype)
        self.token_dropout = TokenDropout(
            embedding_dropout, vocabulary_size, seed, dtype=dtype, name="token_dropout"
        )
        self.recurrent_stack = RecurrentStack(
            units=hidden_dim,
            num_layers=num_layers,
            cell=cell,
            dropout=dropout,
            input_dropout=input_dropout,
            weight_dropout=weight_dropout,
            locked_dropout=locked_dropout,
            seed=seed,
            dtype=dtype,
            name="recurrent_stack",
        )
        self.output_dropout_layer = CounterDropout(
            dropout if output_dropout is None else output_dropout,
            noise_shape=(None, 1, None) if locked_dropout else None,
            seed=seed,
            dtype=dtype,
            name="output_dropout",
        )
        self.penalty = ActivationPenalty(
            activation_penalty, slowness_penalty, dtype=dtype, name="penalty"
        )

        # === Functional Model ===
        inputs = self.functional_inputs()
        outputs = self._hidden_states(**inputs)
        super().__init__(inputs=inputs, outputs=outputs, dtype=dtype, **kwargs)

        # === Config ===
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.hidden_dim = hidden_dim
        self.cell = cell
        self.dropout = dropout
        self.embedding_dropout = embedding_dropout
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.weight_dropout = weight_dropout
        self.locked_dropout = locked_dropout
        self.activation_penalty = activation_penalty
        self.slowness_penalty = slowness_penalty
        self.trainable_embeddings = trainable_embeddings
        self.ngram_features = ngram_features
        self.seed = seed

    def _hidden_states(self, token_ids, padding_mask, document_ids):
        x = self.embed(token_ids, padding_mask, document_ids)
        x = self.token_dropout(x, token_ids)
        outputs = self.recurrent_stack(
            x, padding_mask=ops.cast(padding_mask, "bool"), document_ids=document_ids
        )
        return self.penalty(self.output_dropout_layer(outputs), outputs, padding_mask)

    def set_embeddings(self, embeddings, tokenizer=None):
        """Set the embeddings to given ones, such as those of Word2Vec.

        The head shares them. `trainable_embeddings=False` keeps them fixed.

        Args:
            embeddings: float array `(vocabulary_size, hidden_dim)`, or dict of word to
                vector `(hidden_dim,)`. Words that are not tokens are ignored.
            tokenizer: the tokenizer, for the ids of words in a dict. Defaults to
                `None`.

        Returns:
            list of str, the tokens without a vector in a dict, whose embeddings are
            kept; empty for an array.

        Raises:
            ValueError: If an array or a vector has another shape, a dict comes without
                a tokenizer, or has no vector for any of its tokens.
        """
        missing = []
        if isinstance(embeddings, Mapping):
            if tokenizer is None:
                raise ValueError(
                    "`tokenizer` must be given with a dict of `embeddings`: it knows "
                    "the words' ids. Received: tokenizer=None"
                )
            table = ops.convert_to_numpy(self.token_embedding.embeddings)
            embeddings, missing = _with_word_vectors(
                table, embeddings, tokenizer.get_vocabulary()
            )
        shape = (self.vocabulary_size, self.hidden_dim)
        if np.shape(embeddings) != shape:
            raise ValueError(
                f"`embeddings` must have the shape {shape}. "
                f"Received: embeddings of shape {np.shape(embeddings)}"
            )
        self.token_embedding.embeddings.assign(embeddings)
        return missing

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "hidden_dim": self.hidden_dim,
            "cell": self.cell,
            "dropout": self.dropout,
            "embedding_dropout": self.embedding_dropout,
            "input_dropout": self.input_dropout,
            "output_dropout": self.output_dropout,
            "weight_dropout": self.weight_dropout,
            "locked_dropout": self.locked_dropout,
            "activation_penalty": self.activation_penalty,
            "slowness_penalty": self.slowness_penalty,
            "trainable_embeddings": self.trainable_embeddings,
            "ngram_features": keras.saving.serialize_keras_object(self.ngram_features),
            "seed": self.seed,
        }


def _with_word_vectors(table, vectors, vocabulary):
    """Replace rows of an embedding table by vectors of words.

    Args:
        table: float array `(vocabulary_size, hidden_dim)`.
        vectors: dict of word to vector `(hidden_dim,)`.
        vocabulary: dict of token to id.

    Returns:
        (table, missing): a new table, and a list of the tokens without a vector,
        whose rows are unchanged.
    """
    table = np.array(table)
    if max(vocabulary.values()) >= len(table):
        raise ValueError(
            f"`tokenizer` must have at most {len(table)} tokens, the rows of the "
            f"embedding. Received: a tokenizer with {max(vocabulary.values()) + 1}"
        )
    for token, i in vocabulary.items():
        if token not in vectors:
            continue
        vector = np.asarray(vectors[token])
        if vector.shape != table.shape[1:]:
            raise ValueError(
                f"`embeddings` must have vectors of shape {table.shape[1:]}. Received: "
                f"a vector of shape {vector.shape} for {token!r}"
            )
        table[i] = vector
    missing = [token for token in vocabulary if token not in vectors]
    if len(missing) == len(vocabulary):
        raise ValueError(
            "`embeddings` must have a vector for a token of the `tokenizer`. Received: "
            f"vectors of {list(vectors)[:3]}, and tokens such as {missing[-3:]}"
        )
    return table, missing
