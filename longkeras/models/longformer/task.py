"""What all tasks of the family share."""

import keras
from keras import ops

from longkeras.models.base.text_task import TextTask
from longkeras.models.longformer.global_token_watch import (
    GlobalTokenWatch,
    WarnWithoutGlobalTokens,
)
from longkeras.models.longformer.inputs import OptionalInputs
from longkeras.models.longformer.longer_positions import LongerPositions


def given_or_adam(optimizer):
    """What `compile` was given, or Adam at the rate of KerasHub's tasks.

    Args:
        optimizer: See `keras.Model.compile`; or `"auto"`.

    Returns:
        The optimizer.
    """
    return keras.optimizers.Adam(5e-5) if optimizer == "auto" else optimizer


class LongformerTask(
    OptionalInputs,
    LongerPositions,
    TextTask,
):
    """Optional inputs, and a warning where training has no global token.

    A mixin, to stand before a `keras_hub.models.Task`.
    """

    reads_output_projection = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # Not an attribute that Keras tracks: it is no part of a saved model.
        object.__setattr__(self, "global_token_watch", GlobalTokenWatch())
        self.has_warned_of_globals = False

    def unread_weights(self):
        """The pooler, and an output projection that is not the token embedding.

        Returns:
            list of `keras.Variable`.
        """
        pooler = self.backbone.pooler_dense
        weights = [] if pooler is None else list(pooler.weights)
        if not self.backbone.tie_embedding_weights and not self.reads_output_projection:
            weights.append(self.backbone.token_embedding.reverse_embeddings)
        return weights

    def fit(self, x=None, y=None, *args, callbacks=None, **kwargs):
        """Train, and say so if no token was global; see `keras.Model.fit`.

        Args:
            x: See `TextsOrIds.fit`.
            y: targets. Defaults to `None`.
            *args: See `keras.Model.fit`.
            callbacks: list of `keras.callbacks.Callback`. Defaults to `None`.
            **kwargs: See `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.
        """
        callbacks = [*(callbacks or []), WarnWithoutGlobalTokens()]
        return super().fit(x, y, *args, callbacks=callbacks, **kwargs)

    @property
    def metrics(self):
        """Metrics of training, the quiet watch over global tokens among them."""
        return [*super().metrics, self.global_token_watch]

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """See `keras.Model.compute_loss`; takes note of global tokens too."""
        if training and isinstance(x, dict):
            mask = self.complete(x)["global_attention_mask"]
            self.global_token_watch.update_state(ops.convert_to_tensor(mask))
        return super().compute_loss(x, y, y_pred, sample_weight, training)
