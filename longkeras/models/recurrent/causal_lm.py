"""The recurrent language model."""

import keras
from keras import ops

from longkeras.models.generation.causal_lm import DecodingCausalLM
from longkeras.models.recurrent.backbone import RecurrentBackbone
from longkeras.models.recurrent.preprocessor import RecurrentCausalLMPreprocessor
from longkeras.ops.real_first import real_first


@keras.saving.register_keras_serializable(package="longkeras")
class RecurrentCausalLM(DecodingCausalLM):
    """A stacked LSTM or GRU that predicts the next token.

    Trains on raw strings through its preprocessor, generates and streams, and reads
    text of any length with a state of constant size.

    Args:
        backbone: `longkeras.models.RecurrentBackbone`.
        preprocessor: `longkeras.models.RecurrentCausalLMPreprocessor`, or None if
            inputs are given as ids. Defaults to `None`.
        **kwargs: See `keras_hub.models.CausalLM`.

    Call arguments:
        inputs: dict of `token_ids` and, if needed, `padding_mask` and `document_ids`,
            `(batch, sequence)`; see `RecurrentBackbone`.

    Returns:
        Logits `(batch, sequence, vocabulary_size)`.

    Example:

    ```python
    from longkeras.models import ByteTokenizer, RecurrentBackbone
    from longkeras.models import RecurrentCausalLM, RecurrentCausalLMPreprocessor

    model = RecurrentCausalLM(
        RecurrentBackbone(vocabulary_size=259, num_layers=2, hidden_dim=16),
        RecurrentCausalLMPreprocessor(ByteTokenizer(), sequence_length=32),
    )
    text = model.generate("It was", max_length=16)
    ```
    """

    backbone_cls = RecurrentBackbone
    preprocessor_cls = RecurrentCausalLMPreprocessor

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
        """None: an LSTM or GRU takes text of any length."""
        return None

    def initial_state(self, batch_size, max_length=None):
        """Zeros for every layer; `max_length` does not matter."""
        return {
            **self.backbone.initial_tokens(batch_size),
            "position": ops.zeros((batch_size,), dtype="int32"),
            "layers": self.backbone.recurrent_stack.initial_state(batch_size),
        }

    def prefill(self, token_ids, padding_mask, state):
        """See `DecodingCausalLM.prefill`."""
        order, place, lengths = real_first(padding_mask)
        token_ids = ops.take_along_axis(token_ids, order, axis=1)
        columns = ops.arange(token_ids.shape[1], dtype="int32")
        mask = columns < lengths[:, None]
        hidden_states, state = self._read(token_ids, mask, lengths, state)
        hidden_states = ops.take_along_axis(hidden_states, place[:, :, None], axis=1)
        logits = self.backbone.token_embedding(hidden_states, reverse=True)
        return logits, hidden_states, state

    def step(self, token_ids, state):
        """See `DecodingCausalLM.step`."""
        lengths = ops.ones_like(state["position"])
        mask = ops.cast(lengths[:, None], "bool")
        hidden_states, state = self._read(token_ids[:, None], mask, lengths, state)
        logits = self.backbone.token_embedding(hidden_states, reverse=True)
        return logits[:, 0], hidden_states[:, 0], state

    def _read(self, token_ids, mask, lengths, state):
        """Hidden states of a chunk, and the state after it; real tokens come first."""
        embedded, recent = self.backbone.embed_chunk(token_ids, lengths, state)
        hidden_states, layers = self.backbone.recurrent_stack.call_with_state(
            embedded, state["layers"], mask, training=False
        )
        position = state["position"] + lengths
        return hidden_states, {**recent, "position": position, "layers": layers}
