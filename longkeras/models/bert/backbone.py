"""BERT without a head, with the activation and epsilon of its checkpoint."""

import keras
import keras_hub
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.models.base.embeddings import Embedding, ReversibleEmbedding
from longkeras.models.base.inputs import (
    BOUNDED_TOKEN_IDS,
    PADDING_MASK,
    SEGMENT_IDS,
)
from longkeras.models.base.text_backbone import TextBackbone


def bert_initializer():
    """Return BERT's initializer, a new one for each layer."""
    return keras.initializers.TruncatedNormal(stddev=0.02)


@keras.saving.register_keras_serializable(package="longkeras")
class ExactBertBackbone(TextBackbone, keras_hub.models.BertBackbone):
    """KerasHub's BERT, with the activation and the epsilon as arguments.

    KerasHub's BERT approximates GELU with a tanh, whereas BERT and Chinese RoBERTa-wwm
    on Hugging Face use GELU itself: hidden states differ in the third digit. Weights,
    inputs and outputs are those of `keras_hub.models.BertBackbone`, a base class.

    Args:
        vocabulary_size: int. Number of token ids.
        num_layers: int. Encoder layers.
        num_heads: int. Attention heads a layer.
        hidden_dim: int. Size of the hidden states.
        intermediate_dim: int. Inner size of the feed-forward parts.
        dropout: float. Defaults to `0.1`.
        max_sequence_length: int. The longest text. Defaults to `512`.
        num_segments: int. Kinds of `segment_ids`. Defaults to `2`.
        activation: Activation of the feed-forward parts. Defaults to `"gelu"`.
        layer_norm_epsilon: float. Defaults to `1e-12`.
        dtype: string or `keras.DTypePolicy`. Defaults to `None`, Keras' own.
        **kwargs: See `keras_hub.models.Backbone`.

    Call arguments:
        inputs: dict of int tensors `(batch, sequence)`: `token_ids`, `segment_ids`
            (left out: zeros) and `padding_mask`, 0 at padding (left out: no padding).

    Returns:
        dict of `"sequence_output"` `(batch, sequence, hidden_dim)` and
        `"pooled_output"` `(batch, hidden_dim)`.

    Example:

    ```python
    import numpy as np
    from longkeras.models import ExactBertBackbone

    backbone = ExactBertBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, max_sequence_length=64,
    )
    outputs = backbone({"token_ids": np.full((1, 40), 7)})
    assert tuple(outputs["pooled_output"].shape) == (1, 16)
    ```

    Reference:
        [BERT](https://arxiv.org/abs/1810.04805)
    """

    cls_token_index = 0
    input_table = (BOUNDED_TOKEN_IDS, SEGMENT_IDS, PADDING_MASK)

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        dropout=0.1,
        max_sequence_length=512,
        num_segments=2,
        activation="gelu",
        layer_norm_epsilon=1e-12,
        dtype=None,
        **kwargs,
    ):
        check_arguments(locals())
        activation = keras.activations.get(activation)
        # === Layers ===
        self.token_embedding = ReversibleEmbedding(
            vocabulary_size,
            hidden_dim,
            embeddings_initializer=bert_initializer(),
            dtype=dtype,
            name="token_embedding",
        )
        self.position_embedding = keras_hub.layers.PositionEmbedding(
            max_sequence_length,
            bert_initializer(),
            dtype=dtype,
            name="position_embedding",
        )
        self.segment_embedding = Embedding(
            num_segments,
            hidden_dim,
            bert_initializer(),
            dtype=dtype,
            name="segment_embedding",
        )
        self.embeddings_layer_norm = keras.layers.LayerNormalization(
            epsilon=layer_norm_epsilon, dtype=dtype, name="embeddings_layer_norm"
        )
        self.embeddings_dropout = keras.layers.Dropout(
            dropout, dtype=dtype, name="embeddings_dropout"
        )
        self.transformer_layers = [
            keras_hub.layers.TransformerEncoder(
                intermediate_dim,
                num_heads,
                dropout,
                activation,
                layer_norm_epsilon,
                kernel_initializer=bert_initializer(),
                dtype=dtype,
                name=f"transformer_layer_{i}",
            )
            for i in range(num_layers)
        ]
        self.pooled_dense = keras.layers.Dense(
            hidden_dim,
            activation="tanh",
            kernel_initializer=bert_initializer(),
            dtype=dtype,
            name="pooled_dense",
        )

        # === Functional Model ===
        inputs = self.functional_inputs()
        x = self.token_embedding(inputs["token_ids"])
        x = ops.add(x, self.position_embedding(x))
        x = ops.add(x, self.segment_embedding(inputs["segment_ids"]))
        x = self.embeddings_dropout(self.embeddings_layer_norm(x))
        for transformer_layer in self.transformer_layers:
            x = transformer_layer(x, padding_mask=inputs["padding_mask"])
        outputs = {"sequence_output": x, "pooled_output": self.pooled_dense(x[:, 0])}
        # Skips the constructor of BertBackbone, which takes no activation or epsilon.
        super(keras_hub.models.BertBackbone, self).__init__(
            inputs=inputs, outputs=outputs, dtype=dtype, **kwargs
        )

        # === Config ===
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout
        self.max_sequence_length = max_sequence_length
        self.num_segments = num_segments
        self.activation = activation
        self.layer_norm_epsilon = layer_norm_epsilon

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "layer_norm_epsilon": self.layer_norm_epsilon,
        }
