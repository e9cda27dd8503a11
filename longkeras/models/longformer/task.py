"""Mixins of all tasks and preprocessors of Longformer."""

from keras import ops

from longkeras.models.base.text_task import TextTask
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.global_tokens import (
    GlobalTokenWatch,
    WarnWithoutGlobalTokens,
)
from longkeras.models.longformer.longer_positions import LongerPositions
from longkeras.models.longformer.tokenizer import LongformerTokenizer


class LongformerPreprocessor:
    """Adds Longformer's classes and inputs. Mixin. Must precede a preprocessor."""

    backbone_cls = LongformerBackbone
    tokenizer_cls = LongformerTokenizer
    input_names = ("token_ids", "padding_mask", "global_attention_mask", "segment_ids")
    optional_input_names = ("document_ids",)


class LongformerTask(LongerPositions, TextTask):
    """A task with a rule for global tokens, which warns if training has none.

    Mixin. Must follow a task of `text_tasks` and precede a `keras_hub.models.Task` in
    the bases.
    """

    backbone_cls = LongformerBackbone
    backbone_advice = (
        "; `longkeras.conversion.convert_to_long` makes one of RoBERTa, BERT and XLM-R"
    )
    reads_output_projection = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # Keras must not track this: it is not part of a saved model.
        object.__setattr__(self, "global_token_watch", GlobalTokenWatch())
        self.has_warned_of_globals = False

    def unread_weights(self):
        """Return the pooler's weights, and an output projection of its own."""
        pooler = self.backbone.pooler_dense
        weights = [] if pooler is None else list(pooler.weights)
        if not self.backbone.tie_embedding_weights and not self.reads_output_projection:
            weights.append(self.backbone.token_embedding.reverse_embeddings)
        return weights

    def global_tokens_of(self, inputs):
        """Return the global tokens where no mask is given: those of the backbone."""
        return self.backbone.global_tokens_of(inputs)

    def training_callbacks(self):
        """Return the callback that warns if no token was global in training."""
        return [WarnWithoutGlobalTokens()]

    @property
    def metrics(self):
        """Metrics of training, and the silent record of global tokens."""
        return [*super().metrics, self.global_token_watch]

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """See `keras.Model.compute_loss`; records whether tokens were global."""
        if training and isinstance(x, dict):
            mask = self.complete(x)["global_attention_mask"]
            self.global_token_watch.update_state(ops.convert_to_tensor(mask))
        return super().compute_loss(x, y, y_pred, sample_weight, training)
