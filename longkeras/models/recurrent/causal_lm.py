"""The recurrent language model and its preprocessor."""

import keras
from keras import ops

from longkeras.models.generation.causal_lm import (
    CheckedCausalLMPreprocessor,
    DecodingCausalLM,
)
from longkeras.models.recurrent.backbone import RecurrentBackbone
from longkeras.text.byte_tokenizer import ByteTokenizer


@keras.saving.register_keras_serializable(package="longkeras")
class RecurrentCausalLMPreprocessor(CheckedCausalLMPreprocessor):
    """Tokenizes, adds start and end, pads, and shifts the targets by one.

    See `longkeras.models.TransformerCausalLMPreprocessor`.

    Args:
        tokenizer: `longkeras.models.ByteTokenizer`, or any with KerasHub's interface.
        sequence_length: int, or None. Tokens a row. Defaults to `1024`.
        add_start_token: bool. Defaults to `True`.
        add_end_token: bool. Defaults to `True`.
        **kwargs: See `keras_hub.models.CausalLMPreprocessor`.

    Example:

    ```python
    from longkeras.models import ByteTokenizer, RecurrentCausalLMPreprocessor

    preprocessor = RecurrentCausalLMPreprocessor(ByteTokenizer(), sequence_length=8)
    x, y, sample_weight = preprocessor(["Hi"])
    assert x["token_ids"].shape == (1, 8)
    ```
    """

    backbone_cls = RecurrentBackbone
    tokenizer_cls = ByteTokenizer


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
        inputs: dict of `token_ids` and optionally `padding_mask` and `document_ids`,
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

    def read_chunk(self, token_ids, lengths, state):
        """See `DecodingCausalLM.read_chunk`."""
        columns = ops.arange(token_ids.shape[1], dtype="int32")
        embedded, recent = self.backbone.embed_chunk(token_ids, lengths, state)
        hidden_states, layers = self.backbone.recurrent_stack.call_with_state(
            embedded, state["layers"], columns < lengths[:, None], training=False
        )
        position = state["position"] + lengths
        return hidden_states, {**recent, "position": position, "layers": layers}
