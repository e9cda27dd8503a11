"""BERT's heads on `ExactBertBackbone`."""

import keras
import keras_hub

from longkeras.argument_checks import check_arguments
from longkeras.models.base.inputs import MASK_POSITIONS
from longkeras.models.base.text_task import TextTask
from longkeras.models.bert.backbone import ExactBertBackbone, bert_initializer
from longkeras.models.text_tasks.class_labels import check_class_names
from longkeras.models.text_tasks.class_targets import ClassTargets


@keras.saving.register_keras_serializable(package="longkeras")
class ExactBertMaskedLM(TextTask, keras_hub.models.BertMaskedLM):
    """KerasHub's BERT that fills in masks, with the head that its checkpoint has.

    The head has the activation and epsilon of the backbone, as Hugging Face's
    `BertForMaskedLM` does; KerasHub's own has others.

    Args:
        backbone: `longkeras.models.ExactBertBackbone`.
        preprocessor: `keras_hub.models.BertMaskedLMPreprocessor`, or None if inputs
            are given as ids. Defaults to `None`.
        **kwargs: See `keras_hub.models.MaskedLM`.

    Call arguments:
        inputs: as of the backbone, and `mask_positions`, int `(batch, masks)`.

    Returns:
        Logits `(batch, masks, vocabulary_size)`.

    Example:

    ```python
    import numpy as np
    from longkeras.models import ExactBertBackbone, ExactBertMaskedLM

    backbone = ExactBertBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, max_sequence_length=64,
    )
    inputs = {
        "token_ids": np.full((1, 40), 7), "mask_positions": np.array([[1, 5, 9]])
    }
    assert ExactBertMaskedLM(backbone)(inputs).shape == (1, 3, 100)
    ```

    Reference:
        [BERT](https://arxiv.org/abs/1810.04805)
    """

    backbone_cls = ExactBertBackbone
    added_inputs = (MASK_POSITIONS,)
    makes_targets = True

    def __init__(self, backbone, preprocessor=None, **kwargs):
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.masked_lm_head = keras_hub.layers.MaskedLMHead(
            vocabulary_size=backbone.vocabulary_size,
            token_embedding=backbone.token_embedding,
            intermediate_activation=backbone.activation,
            layer_norm_epsilon=backbone.layer_norm_epsilon,
            kernel_initializer=bert_initializer(),
            dtype=backbone.dtype_policy,
            name="mlm_head",
        )

        # === Functional Model ===
        inputs = self.functional_inputs()
        hidden_states = backbone(backbone.input)["sequence_output"]
        # Past the constructor of BertMaskedLM, which makes a head of its own.
        super(keras_hub.models.BertMaskedLM, self).__init__(
            inputs=inputs,
            outputs=self.masked_lm_head(hidden_states, inputs["mask_positions"]),
            **kwargs,
        )

    def unread_weights(self):
        """The pooler.

        Returns:
            list of `keras.Variable`.
        """
        return list(self.backbone.pooled_dense.weights)


@keras.saving.register_keras_serializable(package="longkeras")
class ExactBertTextClassifier(
    ClassTargets, TextTask, keras_hub.models.BertTextClassifier
):
    """KerasHub's BERT that puts a text in one of several classes.

    The network is KerasHub's, on `longkeras.models.ExactBertBackbone`; see
    `keras_hub.models.BertTextClassifier`. With `activation="sigmoid"` it tells which
    of the classes, any number of them, a text belongs to.

    Args:
        backbone: `longkeras.models.ExactBertBackbone`.
        num_classes: int. Number of classes.
        preprocessor: `keras_hub.models.BertTextClassifierPreprocessor`, or None if
            inputs are given as ids. Defaults to `None`.
        activation: Activation of the outputs. Defaults to `None`, logits.
        dropout: float. Rate before the head. Defaults to `0.1`.
        class_names: list of str, one a class, or None. Defaults to `None`.
        **kwargs: See `keras_hub.models.TextClassifier`.

    Call arguments:
        inputs: as of the backbone.

    Returns:
        Logits `(batch, num_classes)`.

    Example:

    ```python
    import numpy as np
    from longkeras.models import ExactBertBackbone, ExactBertTextClassifier

    backbone = ExactBertBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, max_sequence_length=64,
    )
    classifier = ExactBertTextClassifier(backbone, num_classes=3)
    assert classifier({"token_ids": np.full((1, 40), 7)}).shape == (1, 3)
    ```

    Reference:
        [BERT](https://arxiv.org/abs/1810.04805)
    """

    backbone_cls = ExactBertBackbone
    needs_targets = True

    def __init__(
        self,
        backbone,
        num_classes,
        preprocessor=None,
        activation=None,
        dropout=0.1,
        class_names=None,
        **kwargs,
    ):
        check_arguments(locals())
        check_class_names(class_names, num_classes)
        super().__init__(
            backbone, num_classes, preprocessor, activation, dropout, **kwargs
        )
        self.class_names = class_names

    def get_config(self):
        return {**super().get_config(), "class_names": self.class_names}
