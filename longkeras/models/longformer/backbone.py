"""Longformer without a head."""

import keras
import keras_hub
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.layers.activations import get_activation, serialize_activation
from longkeras.layers.counter_dropout import CounterDropout
from longkeras.layers.learned_position_embedding import LearnedPositionEmbedding
from longkeras.layers.longformer_encoder_layer import LongformerEncoderLayer
from longkeras.models.base.arguments import one_per_layer
from longkeras.models.base.embeddings import Embedding, ReversibleEmbedding
from longkeras.models.base.initializers import layer_initializer
from longkeras.models.base.inputs import (
    BOUNDED_TOKEN_IDS,
    DOCUMENT_IDS,
    PADDING_MASK,
    SEGMENT_IDS,
    InputSpec,
)
from longkeras.models.base.text_backbone import TextBackbone
from longkeras.models.longformer.longer_positions import LongerPositions
from longkeras.ops.attention.spec import GlobalTokens


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerBackbone(LongerPositions, TextBackbone, keras_hub.models.Backbone):
    """Longformer's encoder: RoBERTa with a window around each token.

    Every token sees its window and all global tokens; global tokens see everything,
    through projections of their own. Time and memory are proportional to length times
    window. Hidden states are those of Hugging Face's `LongformerModel`, whose
    checkpoints `longkeras.conversion` reads and writes; those of padding are finite but
    otherwise unspecified.

    Args:
        vocabulary_size: int. Number of token ids.
        num_layers: int. Encoder layers.
        num_heads: int. Attention heads a layer.
        hidden_dim: int. Size of the hidden states.
        intermediate_dim: int. Inner size of the feed-forward parts.
        attention_window: int, or list of one per layer. Keys in the window, even
            numbers, half of them on each side of the token. Defaults to `512`.
        attention_dilation: int, or list of one per layer, each an int or a list of
            one per head. Defaults to `1`.
        max_sequence_length: int. The longest text that the position table serves.
            Defaults to `4096`.
        num_segments: int. Kinds of `segment_ids`. Defaults to `1`.
        padding_id: int. The id of padding. Padding has position `padding_id`, and
            the first token of a text the next position. Defaults to `1`.
        activation: Activation of the feed-forward parts: a function, its name, or
            `"prelu"` or `"xielu"`, which have weights in every layer. Defaults to
            `"gelu"`.
        dropout: float. Rate after embeddings, attention and feed-forward parts.
            Defaults to `0.1`.
        attention_dropout: float. Rate at which attention weights are dropped.
            Defaults to `0.1`.
        layer_norm_epsilon: float. Defaults to `1e-5`.
        use_pooler: bool. Whether to also return a `pooled_output`: a dense layer and
            a tanh over the first token. Tasks do not read it, and freeze its weights
            on `compile`. Defaults to `False`.
        tie_embedding_weights: bool. Whether a masked language model's output
            projection is the token embedding. Defaults to `True`.
        seed: int. Seed of initial weights and dropout. Defaults to `None`.
        dtype: string or `keras.DTypePolicy`. Defaults to `None`, Keras' own.
        **kwargs: See `keras_hub.models.Backbone`.

    Call arguments:
        inputs: dict of int tensors `(batch, sequence)`: `token_ids`; `padding_mask`,
            0 at padding (left out: no padding); `global_attention_mask`, 1 at global
            tokens (left out: none); `segment_ids` (left out: zeros); `document_ids`,
            which differ between documents packed into one row (left out: one
            document). Each document is encoded as if it stood alone: its positions
            start anew, and its tokens, global ones too, see nothing else.

    Returns:
        dict of `"sequence_output"` `(batch, sequence, hidden_dim)` and with
        `use_pooler` `"pooled_output"` `(batch, hidden_dim)`.

    Raises:
        ValueError: If a list does not have one entry a layer, or sizes do not fit.

    Example:

    ```python
    import numpy as np
    from longkeras.models import LongformerBackbone

    backbone = LongformerBackbone(
        vocabulary_size=100, num_layers=2, num_heads=2, hidden_dim=16,
        intermediate_dim=32, attention_window=[8, 16], max_sequence_length=64,
    )
    outputs = backbone({"token_ids": np.full((1, 40), 7)})
    assert tuple(outputs["sequence_output"].shape) == (1, 40, 16)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """

    input_table = (
        BOUNDED_TOKEN_IDS,
        PADDING_MASK,
        InputSpec("global_attention_mask", "mask", default="global_tokens_of"),
        SEGMENT_IDS,
        DOCUMENT_IDS,
    )

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        attention_window=512,
        attention_dilation=1,
        max_sequence_length=4096,
        num_segments=1,
        padding_id=1,
        activation="gelu",
        dropout=0.1,
        attention_dropout=0.1,
        layer_norm_epsilon=1e-5,
        use_pooler=False,
        tie_embedding_weights=True,
        seed=None,
        dtype=None,
        **kwargs,
    ):
        check_arguments(locals())
        # === Layers ===
        self.token_embedding = ReversibleEmbedding(
            input_dim=vocabulary_size,
            output_dim=hidden_dim,
            tie_weights=tie_embedding_weights,
            embeddings_initializer=layer_initializer(seed, -1),
            dtype=dtype,
            name="token_embedding",
        )
        self.position_embedding = LearnedPositionEmbedding(
            max_sequence_length=max_sequence_length,
            first_position=padding_id + 1,
            initializer=layer_initializer(seed, -2),
            dtype=dtype,
            name="position_embedding",
        )
        self.segment_embedding = Embedding(
            num_segments,
            hidden_dim,
            embeddings_initializer=layer_initializer(seed, -3),
            dtype=dtype,
            name="segment_embedding",
        )
        self.embeddings_layer_norm = keras.layers.LayerNormalization(
            epsilon=layer_norm_epsilon, dtype=dtype, name="embeddings_layer_norm"
        )
        self.embeddings_dropout = CounterDropout(
            dropout, seed=seed, dtype=dtype, name="embeddings_dropout"
        )
        self.transformer_layers = _encoder_layers(
            one_per_layer("attention_window", attention_window, num_layers),
            one_per_layer("attention_dilation", attention_dilation, num_layers),
            seed,
            intermediate_dim=intermediate_dim,
            num_heads=num_heads,
            activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            dropout=dropout,
            attention_dropout=attention_dropout,
            dtype=dtype,
        )
        self.pooler_dense = _pooler(hidden_dim, seed, dtype) if use_pooler else None

        # === Functional Model ===
        inputs = self.functional_inputs()
        outputs = self._encoded(inputs, padding_id)
        super().__init__(inputs=inputs, outputs=outputs, dtype=dtype, **kwargs)

        # === Config ===
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.attention_window = attention_window
        self.attention_dilation = attention_dilation
        self.max_sequence_length = max_sequence_length
        self.num_segments = num_segments
        self.padding_id = padding_id
        self.activation = get_activation(activation)
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.layer_norm_epsilon = layer_norm_epsilon
        self.use_pooler = use_pooler
        self.tie_embedding_weights = tie_embedding_weights
        self.seed = seed

    def _encoded(self, inputs, padding_id):
        token_ids = inputs["token_ids"]
        x = self.token_embedding(token_ids)
        positions = self.position_embedding.positions_of(token_ids, padding_id)
        document_ids = inputs["document_ids"]
        x = x + self.position_embedding(
            x, positions=positions, document_ids=document_ids
        )
        x = x + self.segment_embedding(inputs["segment_ids"])
        x = self.embeddings_dropout(self.embeddings_layer_norm(x))
        padding_mask = ops.cast(inputs["padding_mask"], "bool")
        masks = {
            "padding_mask": padding_mask,
            "global_attention_mask": GlobalTokens.of(
                inputs["global_attention_mask"], padding_mask
            ),
        }
        for transformer_layer in self.transformer_layers:
            x = transformer_layer(x, document_ids=document_ids, **masks)
        if self.pooler_dense is None:
            return {"sequence_output": x}
        return {"sequence_output": x, "pooled_output": self.pooler_dense(x[:, 0])}

    def global_tokens_of(self, inputs):
        """Return the global tokens where no mask is given: none."""
        return ops.zeros_like(inputs["token_ids"], dtype="int32")

    def copy_projections_to_global(self):
        """Copy the projections of ordinary tokens to those of global tokens.

        As when Longformer was initialized from RoBERTa; and after training in which no
        token was global, such as that of a masked language model.
        """
        for layer in self.transformer_layers:
            layer.attention.copy_projections_to_global()

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "attention_window": self.attention_window,
            "attention_dilation": self.attention_dilation,
            "max_sequence_length": self.max_sequence_length,
            "num_segments": self.num_segments,
            "padding_id": self.padding_id,
            "activation": serialize_activation(self.activation),
            "dropout": self.dropout,
            "attention_dropout": self.attention_dropout,
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "use_pooler": self.use_pooler,
            "tie_embedding_weights": self.tie_embedding_weights,
            "seed": self.seed,
        }


def _encoder_layers(windows, dilations, seed, **options):
    return [
        LongformerEncoderLayer(
            attention_window=window,
            attention_dilation=dilation,
            kernel_initializer=layer_initializer(seed, i),
            seed=None if seed is None else seed + i,
            name=f"transformer_layer_{i}",
            **options,
        )
        for i, (window, dilation) in enumerate(zip(windows, dilations, strict=True))
    ]


def _pooler(hidden_dim, seed, dtype):
    return keras.layers.Dense(
        hidden_dim,
        activation="tanh",
        kernel_initializer=layer_initializer(seed, -4),
        dtype=dtype,
        name="pooler_dense",
    )
