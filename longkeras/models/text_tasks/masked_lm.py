"""Prediction of masked tokens."""

import keras
import keras_hub

from longkeras.argument_checks import check_arguments
from longkeras.models.base.inputs import MASK_POSITIONS
from longkeras.models.base.text_task import TextTask
from longkeras.models.text_tasks.heads import head_dtype_policy, head_initializer
from longkeras.models.text_tasks.task_arguments import check_family


class MaskedLM(TextTask):
    """Predicts the tokens at given positions.

    Mixin. Must precede the task's mixin of its family and
    `keras_hub.models.MaskedLM` in the bases. A family sets `backbone_cls` and
    `preprocessor_cls`; it overrides `make_head` if its head differs from BERT's. For
    arguments see `longkeras.models.LongformerMaskedLM`.
    """

    added_inputs = (MASK_POSITIONS,)
    makes_targets = True
    reads_output_projection = True
    head_initializer = staticmethod(head_initializer)

    def __init__(
        self,
        backbone,
        preprocessor=None,
        head_activation="gelu",
        head_layer_norm_epsilon=None,
        **kwargs,
    ):
        check_arguments(locals(), may_be_none=("head_layer_norm_epsilon",))
        check_family(self, backbone, preprocessor)
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.masked_lm_head = self.make_head(
            head_activation, head_layer_norm_epsilon or backbone.layer_norm_epsilon
        )

        # === Functional Model ===
        inputs = self.functional_inputs()
        hidden_states = backbone(backbone.input)["sequence_output"]
        outputs = self.masked_lm_head(hidden_states, inputs["mask_positions"])
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Config ===
        self.head_activation = keras.activations.get(head_activation)
        self.head_layer_norm_epsilon = head_layer_norm_epsilon

    def make_head(self, activation, layer_norm_epsilon):
        """Return the head, a layer that is called with hidden states and positions."""
        return keras_hub.layers.MaskedLMHead(
            vocabulary_size=self.backbone.vocabulary_size,
            token_embedding=self.backbone.token_embedding,
            intermediate_activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            kernel_initializer=self.head_initializer(),
            dtype=head_dtype_policy(self.backbone),
            name="mlm_head",
        )

    def get_config(self):
        return {
            **super().get_config(),
            "head_activation": keras.activations.serialize(self.head_activation),
            "head_layer_norm_epsilon": self.head_layer_norm_epsilon,
        }
