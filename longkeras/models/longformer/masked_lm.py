"""Longformer that fills in masked tokens."""

import keras
import keras_hub

from longkeras.argument_checks import check_arguments
from longkeras.models.base.inputs import MASK_POSITIONS
from longkeras.models.base.quantized_head import head_policy
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.masked_lm_preprocessor import (
    LongformerMaskedLMPreprocessor,
)
from longkeras.models.longformer.task import LongformerTask
from longkeras.models.longformer.task_parts import check_parts


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerMaskedLM(LongformerTask, keras_hub.models.MaskedLM):
    """Predicts the tokens behind masks: how Longformer is trained on plain text.

    Where no `global_attention_mask` is given, no token is global, so that the
    projections of global tokens are not trained: `copy_projections_to_global` of the
    backbone gives them the trained ones. The head is that of Hugging Face's
    `LongformerForMaskedLM`.

    Args:
        backbone: `longkeras.models.LongformerBackbone`. Its `tie_embedding_weights`
            says whether the output projection is the token embedding.
        preprocessor: `longkeras.models.LongformerMaskedLMPreprocessor`, or None if
            inputs are given as ids. Defaults to `None`.
        head_activation: Activation of the head. Defaults to `"gelu"`, that of Hugging
            Face's whatever the layers have.
        head_layer_norm_epsilon: float. Defaults to `None`, that of the backbone.
        **kwargs: See `keras_hub.models.MaskedLM`.

    Call arguments:
        inputs: as of `LongformerBackbone`, and `mask_positions`, int
            `(batch, masks)`: where to predict.

    Returns:
        Logits `(batch, masks, vocabulary_size)`.

    Example:

    ```python
    import numpy as np
    from longkeras.models import LongformerBackbone, LongformerMaskedLM

    backbone = LongformerBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, attention_window=8, max_sequence_length=64,
    )
    inputs = {
        "token_ids": np.full((2, 40), 7),
        "mask_positions": np.array([[1, 5, 9]] * 2),
    }
    logits = LongformerMaskedLM(backbone)(inputs)
    assert tuple(logits.shape) == (2, 3, 100)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """

    backbone_cls = LongformerBackbone
    preprocessor_cls = LongformerMaskedLMPreprocessor
    added_inputs = (MASK_POSITIONS,)
    makes_targets = True
    reads_output_projection = True

    def __init__(
        self,
        backbone,
        preprocessor=None,
        head_activation="gelu",
        head_layer_norm_epsilon=None,
        **kwargs,
    ):
        check_arguments(locals(), may_be_none=("head_layer_norm_epsilon",))
        check_parts(backbone, preprocessor)
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.masked_lm_head = keras_hub.layers.MaskedLMHead(
            vocabulary_size=backbone.vocabulary_size,
            token_embedding=backbone.token_embedding,
            intermediate_activation=head_activation,
            layer_norm_epsilon=(
                backbone.layer_norm_epsilon
                if head_layer_norm_epsilon is None
                else head_layer_norm_epsilon
            ),
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            dtype=head_policy(backbone),
            name="mlm_head",
        )

        # === Functional Model ===
        inputs = self.functional_inputs()
        hidden_states = backbone(backbone.input)["sequence_output"]
        outputs = self.masked_lm_head(hidden_states, inputs["mask_positions"])
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Config ===
        self.head_activation = keras.activations.get(head_activation)
        self.head_layer_norm_epsilon = head_layer_norm_epsilon

    def get_config(self):
        return {
            **super().get_config(),
            "head_activation": keras.activations.serialize(self.head_activation),
            "head_layer_norm_epsilon": self.head_layer_norm_epsilon,
        }
