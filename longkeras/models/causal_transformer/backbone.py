"""The causal Transformer without a head."""

from typing import ClassVar

import keras
import keras_hub

from longkeras.argument_checks import check_arguments
from longkeras.layers.causal_decoder_layer import CausalDecoderLayer
from longkeras.models.base.arguments import one_per_layer
from longkeras.models.base.embeddings import ReversibleEmbedding
from longkeras.models.base.initializers import layer_initializer
from longkeras.models.base.inputs import (
    DOCUMENT_IDS,
    PADDING_MASK,
    TOKEN_IDS,
    InputSpec,
)
from longkeras.models.base.ngram_token_embedding import NGramTokenEmbedding
from longkeras.models.base.text_backbone import TextBackbone
from longkeras.ops.attention.spec import GlobalTokens


@keras.saving.register_keras_serializable(package="longkeras")
class CausalTransformerBackbone(
    NGramTokenEmbedding,
    TextBackbone,
    keras_hub.models.Backbone,
):
    """A pre-norm Transformer with rotary positions, full or windowed by layer.

    With an `attention_window` for each layer it is Longformer's causal model: lower
    layers see short windows, upper layers long ones, and its receptive field is the sum
    of the windows. It reads text of any length, in time and memory proportional to
    length times window. Without windows it is an ordinary decoder with full attention.

    Args:
        vocabulary_size: int. Number of token ids.
        num_layers: int. Decoder layers.
        num_heads: int. Attention heads a layer.
        hidden_dim: int. Size of the hidden states.
        intermediate_dim: int. Inner size of the gated feed-forward parts.
        attention_window: int, list of one per layer (an int, or None for full), or
            None. Keys each token sees, itself included. Defaults to `None`, full
            attention.
        attention_dilation: int, or list of one per layer, each an int or a list of
            one per head. Defaults to `1`.
        max_sequence_length: int. The longest text that the model takes at once, or
            None for no limit (every layer windowed). Defaults to `None`.
        rope_max_wavelength: float. Defaults to `10000.0`.
        activation: Activation of the feed-forward gate. Defaults to `"silu"`.
        layer_norm_epsilon: float. Defaults to `1e-6`.
        dropout: float. Defaults to `0.0`.
        seed: int. Seed of initial weights and dropout. Defaults to `None`.
        use_global_attention: bool. Whether tokens of a prompt may be global: every
            later token sees them, however far, and they see all before them through
            projections of their own. Needs a window in every layer. Defaults to
            `False`.
        ngram_features: `longkeras.layers.NGramFeatures`. N-gram embedding and n-gram
            heads, added to the token embeddings. Defaults to `None`, neither.
        dtype: string or `keras.DTypePolicy`. Defaults to `None`, Keras' own.
        **kwargs: See `keras_hub.models.Backbone`.

    Call arguments:
        inputs: dict of `token_ids`, int `(batch, sequence)`, and optionally tensors of
            the same shape: `padding_mask`, 0 or False at padding; `document_ids`, ints
            that differ between documents packed into one row, which do not see each
            other; with `use_global_attention` also `global_attention_mask`, 1 or True
            at global tokens. Without them there is no padding, one document, and no
            global token.

    Returns:
        Hidden states `(batch, sequence, hidden_dim)`.

    Raises:
        ValueError: If a list does not have one entry a layer.

    Example:

    ```python
    import numpy as np
    from longkeras.models import CausalTransformerBackbone

    backbone = CausalTransformerBackbone(
        vocabulary_size=259, num_layers=2, num_heads=2, hidden_dim=16,
        intermediate_dim=32, attention_window=[8, 16],
    )
    inputs = {
        "token_ids": np.ones((1, 40), "int32"),
        "padding_mask": np.ones((1, 40), "int32"),
    }
    assert tuple(backbone(inputs).shape) == (1, 40, 16)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """

    input_table = (
        TOKEN_IDS,
        PADDING_MASK,
        InputSpec(
            "global_attention_mask", "mask", default=0, needs="use_global_attention"
        ),
        # Stay None for texts that are not packed, at no cost.
        DOCUMENT_IDS,
    )
    unsupported: ClassVar = {
        "huggingface": "`preset` must be a folder that `save_to_preset` wrote: there "
        "is no Hugging Face format for this family"
    }

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        attention_window=None,
        attention_dilation=1,
        max_sequence_length=None,
        rope_max_wavelength=10000.0,
        activation="silu",
        layer_norm_epsilon=1e-6,
        dropout=0.0,
        seed=None,
        use_global_attention=False,
        ngram_features=None,
        dtype=None,
        **kwargs,
    ):
        check_arguments(locals(), may_be_none=("max_sequence_length",))

        # === Layers ===
        self.token_embedding = ReversibleEmbedding(
            input_dim=vocabulary_size,
            output_dim=hidden_dim,
            tie_weights=True,
            embeddings_initializer=layer_initializer(seed, -1),
            dtype=dtype,
            name="token_embedding",
        )
        self.add_ngram_layers(
            ngram_features,
            vocabulary_size,
            hidden_dim,
            seed,
            dtype,
            max_length=max_sequence_length,
        )
        self.transformer_layers = _decoder_layers(
            num_layers,
            attention_window,
            attention_dilation,
            seed,
            intermediate_dim=intermediate_dim,
            num_heads=num_heads,
            rope_max_wavelength=rope_max_wavelength,
            activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            dropout=dropout,
            use_global_attention=use_global_attention,
            dtype=dtype,
        )
        self.layer_norm = keras.layers.RMSNormalization(
            epsilon=layer_norm_epsilon, dtype=dtype, name="layer_norm"
        )

        # === Functional Model ===
        self.use_global_attention = use_global_attention
        inputs = self.functional_inputs()
        masks = dict(inputs)
        token_ids = masks.pop("token_ids")
        x = self.embed(token_ids, masks["padding_mask"], masks["document_ids"])
        if use_global_attention:
            masks["global_attention_mask"] = GlobalTokens.of(
                masks["global_attention_mask"], masks["padding_mask"]
            )
        for transformer_layer in self.transformer_layers:
            x = transformer_layer(x, **masks)
        outputs = self.layer_norm(x)
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
        self.rope_max_wavelength = rope_max_wavelength
        self.activation = keras.activations.get(activation)
        self.layer_norm_epsilon = layer_norm_epsilon
        self.dropout = dropout
        self.seed = seed
        self.ngram_features = ngram_features

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
            "rope_max_wavelength": self.rope_max_wavelength,
            "activation": keras.activations.serialize(self.activation),
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "dropout": self.dropout,
            "seed": self.seed,
            "use_global_attention": self.use_global_attention,
            "ngram_features": keras.saving.serialize_keras_object(self.ngram_features),
        }


def _decoder_layers(num_layers, attention_window, attention_dilation, seed, **shared):
    """Decoder layers, each with its own initializer."""
    windows = one_per_layer("attention_window", attention_window, num_layers)
    dilations = one_per_layer("attention_dilation", attention_dilation, num_layers)
    return [
        CausalDecoderLayer(
            attention_window=windows[i],
            attention_dilation=dilations[i],
            kernel_initializer=layer_initializer(seed, i),
            seed=seed,
            name=f"transformer_layer_{i}",
            **shared,
        )
        for i in range(num_layers)
    ]
