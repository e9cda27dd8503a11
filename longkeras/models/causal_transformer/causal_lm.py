"""The causal Transformer language model and its preprocessor."""

import keras
from keras import ops

from longkeras.models.causal_transformer.backbone import CausalTransformerBackbone
from longkeras.models.generation.causal_lm import (
    CheckedCausalLMPreprocessor,
    DecodingCausalLM,
)
from longkeras.models.generation.options import check_global_tokens
from longkeras.text.byte_tokenizer import ByteTokenizer


@keras.saving.register_keras_serializable(package="longkeras")
class TransformerCausalLMPreprocessor(CheckedCausalLMPreprocessor):
    """Tokenizes, adds start and end, pads, and shifts the targets by one.

    See `keras_hub.models.CausalLMPreprocessor` for calls and results. As everywhere in
    KerasHub, a string longer than `sequence_length` is cut: split a long text into
    windows (`longkeras.text`), or set `sequence_length`.

    Args:
        tokenizer: `longkeras.models.ByteTokenizer`, or any with KerasHub's interface,
            such as `longkeras.text.SubwordTokenizer`.
        sequence_length: int. Tokens a row, or None if each call gives its own. Defaults
            to `1024`.
        add_start_token: bool. Defaults to `True`.
        add_end_token: bool. Defaults to `True`.
        **kwargs: See `keras_hub.models.CausalLMPreprocessor`.

    Example:

    ```python
    from longkeras.models import ByteTokenizer, TransformerCausalLMPreprocessor

    preprocessor = TransformerCausalLMPreprocessor(ByteTokenizer(), sequence_length=8)
    x, y, sample_weight = preprocessor(["Hi"])
    assert x["token_ids"].shape == (1, 8)
    ```
    """

    backbone_cls = CausalTransformerBackbone
    tokenizer_cls = ByteTokenizer


@keras.saving.register_keras_serializable(package="longkeras")
class TransformerCausalLM(DecodingCausalLM):
    """A Transformer that predicts the next token, with full or windowed attention.

    Trains on raw strings through its preprocessor, generates and streams. If every
    layer has an `attention_window`, it reads text of any length with a state of
    constant size, a ring cache in each layer.

    Args:
        backbone: `longkeras.models.CausalTransformerBackbone`.
        preprocessor: `longkeras.models.TransformerCausalLMPreprocessor`, or None if
            inputs are given as ids. Defaults to `None`.
        **kwargs: See `keras_hub.models.CausalLM`.

    Call arguments:
        inputs: dict of `token_ids` and, where known, `padding_mask`, `document_ids`
            and `global_attention_mask`, `(batch, sequence)`; see
            `CausalTransformerBackbone`.

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

    @property
    def context_length(self):
        """int, the backbone's `max_sequence_length`; None for no limit."""
        return self.backbone.max_sequence_length

    @property
    def needs_max_length(self):
        """bool, whether a layer has full attention, and nothing limits its cache."""
        layers = self.backbone.transformer_layers
        is_full = any(layer.attention_window is None for layer in layers)
        return is_full and self.context_length is None

    def initial_state(
        self, batch_size, max_length=None, num_global_tokens=0, prompt_length=None
    ):
        """See `DecodingCausalLM.initial_state`.

        Args:
            batch_size: int.
            max_length: int. The most tokens to come; needed by full attention only.
            num_global_tokens: int. The most global tokens of a prompt, which are kept
                beside the rings. Defaults to `0`.
            prompt_length: int. Tokens of a prompt up to its last global one, needed
                if there are any. Defaults to `None`.

        Returns:
            dict of the `position`, a cache for each of the `layers` and, with n-grams,
            the `recent_tokens`.
        """
        self._check_length(max_length)
        check_global_tokens(self, num_global_tokens)
        room = {}
        if num_global_tokens:
            room = {
                "num_global_tokens": num_global_tokens,
                "prompt_length": prompt_length,
            }
        layers = [
            layer.attention.initial_cache(batch_size, max_length, **room)
            for layer in self.backbone.transformer_layers
        ]
        position = ops.zeros((batch_size,), dtype="int32")
        recent = self.backbone.initial_tokens(batch_size)
        return {**recent, "position": position, "layers": layers}

    def read_chunk(self, token_ids, lengths, state, global_attention_mask=None):
        """See `DecodingCausalLM.read_chunk`.

        `global_attention_mask` is a bool tensor `(batch, chunk)`, True at global
        tokens, or None; the state must have room for them.
        """
        x, recent = self.backbone.embed_chunk(token_ids, lengths, state)
        layers = []
        for layer, cache in zip(
            self.backbone.transformer_layers, state["layers"], strict=True
        ):
            x, cache = layer.call_chunk(
                x, cache, state["position"], lengths, global_attention_mask
            )
            layers.append(cache)
        position = state["position"] + lengths
        state = {**recent, "position": position, "layers": layers}
        return self.backbone.layer_norm(x), state

    def without_prompt(self, state):
        """Return a state without the keys that only global queries read."""
        layers = [
            {name: x for name, x in cache.items() if name != "prompt_kv"}
            for cache in state["layers"]
        ]
        return {**state, "layers": layers}

    def step(self, token_ids, state):
        """See `DecodingCausalLM.step`."""
        position = state["position"]
        x, recent = self.backbone.embed_chunk(
            token_ids[:, None], ops.ones_like(position), state
        )
        x = x[:, 0]
        layers = []
        for layer, cache in zip(
            self.backbone.transformer_layers, state["layers"], strict=True
        ):
            x, cache = layer.call_step(x, cache, position)
            layers.append(cache)
        hidden_states = self.backbone.layer_norm(x)
        state = {**recent, "position": position + 1, "layers": layers}
        return self.logits_of(hidden_states), hidden_states, state

    def _check_length(self, max_length):
        limit = self.context_length
        if limit is not None and max_length is not None and max_length > limit:
            raise ValueError(
                f"`max_length` must be at most {limit}, the length that this model "
                "was made for: read longer text in segments, or use a model with a "
                f"window in every layer. Received: max_length={max_length}"
            )
