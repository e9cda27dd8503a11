"""The recurrent language model."""

import keras
from keras import ops

from longkeras.models.decode_state import DecodingCausalLM
from longkeras.models.recurrent.backbone import RecurrentBackbone
from longkeras.models.recurrent.inputs import RecurrentInputs
from longkeras.models.recurrent.preprocessor import RecurrentCausalLMPreprocessor


@keras.saving.register_keras_serializable(package="longkeras")
class RecurrentCausalLM(RecurrentInputs, DecodingCausalLM):
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

    def read_documents(self, inputs, training=None):
        """See `RecurrentInputs.read_documents`."""
        hidden_states = self.backbone(inputs, training=training)
        return self.backbone.token_embedding(hidden_states, reverse=True)

    @property
    def context_length(self):
        """None: an LSTM or GRU takes text of any length."""
        return None

    def initial_state(self, batch_size, max_length=None):
        """Zeros for every layer; `max_length` does not matter."""
        return {
            "position": ops.zeros((batch_size,), dtype="int32"),
            "layers": self.backbone.recurrent_stack.initial_state(batch_size),
        }

    def prefill(self, token_ids, padding_mask, state):
        """See `DecodingCausalLM.prefill`."""
        mask = ops.cast(padding_mask, "bool")
        embedded = self.backbone.token_embedding(token_ids)
        hidden_states, layers = self.backbone.recurrent_stack.call_with_state(
            embedded, state["layers"], mask, training=False
        )
        lengths = ops.sum(ops.cast(mask, "int32"), axis=1)
        state = {"position": state["position"] + lengths, "layers": layers}
        logits = self.backbone.token_embedding(hidden_states, reverse=True)
        return logits, hidden_states, state

    def step(self, token_ids, state):
        """See `DecodingCausalLM.step`."""
        mask = ops.ones((ops.shape(token_ids)[0], 1), dtype="bool")
        logits, hidden_states, state = self.prefill(token_ids[:, None], mask, state)
        return logits[:, 0], hidden_states[:, 0], state
