"""The causal Transformer language model."""

import keras
from keras import ops

from longkeras.models.causal_transformer.backbone import CausalTransformerBackbone
from longkeras.models.causal_transformer.preprocessor import (
    TransformerCausalLMPreprocessor,
)
from longkeras.models.decode_state import DecodingCausalLM


@keras.saving.register_keras_serializable(package="longkeras")
class TransformerCausalLM(DecodingCausalLM):
    """A Transformer that predicts the next token, with full or windowed attention.

    Trains on raw strings through its preprocessor, generates and streams. Where every
    layer has an `attention_window`, it reads text of any length, and its state is a
    ring a layer of constant size.

    Args:
        backbone: `longkeras.models.CausalTransformerBackbone`.
        preprocessor: `longkeras.models.TransformerCausalLMPreprocessor`, or None if
            inputs are given as ids. Defaults to `None`.
        **kwargs: See `keras_hub.models.CausalLM`.

    Call arguments:
        inputs: dict of `token_ids` and `padding_mask`, `(batch, sequence)`.

    Returns:
        Logits `(batch, sequence, vocabulary_size)`.

    Example:

    ```python
    from longkeras.models import ByteTokenizer, CausalTransformerBackbone
    from longkeras.models import TransformerCausalLM, TransformerCausalLMPreprocessor

    model = TransformerCausalLM(
        CausalTransformerBackbone(
            vocabulary_size=259, num_layers=2, num_heads=2, hidden_dim=16,
            intermediate_dim=32, attention_window=[8, 16],
        ),
        TransformerCausalLMPreprocessor(ByteTokenizer(), sequence_length=32),
    )
    text = model.generate("It was", max_length=16)
    ```
    """

    backbone_cls = CausalTransformerBackbone
    preprocessor_cls = TransformerCausalLMPreprocessor

    def __init__(self, backbone, preprocessor=None, **kwargs):
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor

        # === Functional Model ===
        inputs = backbone.input
        outputs = backbone.token_embedding(backbone(inputs), reverse=True)
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

    @property
    def context_length(self):
        """int, the most tokens at once, or None where every layer has a window."""
        return self.backbone.max_sequence_length

    def initial_state(self, batch_size, max_length=None):
        """See `DecodingCausalLM.initial_state`."""
        self._check_length(max_length)
        layers = [
            layer.attention.initial_cache(batch_size, max_length)
            for layer in self.backbone.transformer_layers
        ]
        position = ops.zeros((batch_size,), dtype="int32")
        return {"position": position, "layers": layers}

    def prefill(self, token_ids, padding_mask, state):
        """See `DecodingCausalLM.prefill`."""
        mask = ops.cast(padding_mask, "bool")
        lengths = ops.sum(ops.cast(mask, "int32"), axis=1)
        # Real tokens first; at the end everything goes back to its place.
        columns = ops.arange(token_ids.shape[1], dtype="int32")
        order = ops.argsort(ops.where(mask, columns, columns + token_ids.shape[1]))
        place = ops.argsort(order)
        x = self.backbone.token_embedding(ops.take_along_axis(token_ids, order, axis=1))
        layers = []
        for layer, cache in zip(
            self.backbone.transformer_layers, state["layers"], strict=True
        ):
            x, cache = layer.call_chunk(x, cache, state["position"], lengths)
            layers.append(cache)
        x = ops.take_along_axis(x, place[:, :, None], axis=1)
        hidden_states = self.backbone.layer_norm(x)
        logits = self.backbone.token_embedding(hidden_states, reverse=True)
        state = {"position": state["position"] + lengths, "layers": layers}
        return logits, hidden_states, state

    def step(self, token_ids, state):
        """See `DecodingCausalLM.step`."""
        position = state["position"]
        x = self.backbone.token_embedding(token_ids[:, None])[:, 0]
        layers = []
        for layer, cache in zip(
            self.backbone.transformer_layers, state["layers"], strict=True
        ):
            x, cache = layer.call_step(x, cache, position)
            layers.append(cache)
        hidden_states = self.backbone.layer_norm(x)
        logits = self.backbone.token_embedding(hidden_states, reverse=True)
        return logits, hidden_states, {"position": position + 1, "layers": layers}

    def _check_length(self, max_length):
        limit = self.context_length
        if limit is not None and max_length is not None and max_length > limit:
            raise ValueError(
                f"`max_length` must be at most {limit}, the length that this model "
                "was made for: read longer text in segments, or use a model with a "
                f"window in every layer. Received: max_length={max_length}"
            )
