"""Dropout of token ids."""

import keras
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.layers.counter_dropout import CounterDropout


@keras.saving.register_keras_serializable(package="longkeras")
class TokenDropout(keras.layers.Layer):
    """Drops token ids: all occurrences of an id in a batch, or none.

    Equals dropout of whole rows of the embedding table.

    Args:
        rate: float in [0, 1). Fraction of the ids to drop in training.
        vocabulary_size: int. Number of ids.
        seed: int. Defaults to `None`.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        embedded: float tensor `(batch, sequence, hidden_dim)`.
        token_ids: int tensor `(batch, sequence)`.
        training: bool. Whether to drop out. Defaults to `None`.

    Returns:
        Tensor like `embedded`.

    Example:

    ```python
    import numpy as np
    from longkeras.layers import TokenDropout

    layer = TokenDropout(0.5, vocabulary_size=4, seed=0)
    token_ids = np.array([[0, 1, 0, 1]])
    dropped = np.array(layer(np.ones((1, 4, 2)), token_ids, training=True))
    assert (dropped[:, :2] == dropped[:, 2:]).all()
    ```

    Reference:
        [Gal and Ghahramani, 2016](https://arxiv.org/abs/1512.05287)
    """

    def __init__(self, rate, vocabulary_size, seed=None, **kwargs):
        super().__init__(**kwargs)
        check_arguments(locals())
        self.rate = rate
        self.vocabulary_size = vocabulary_size
        self.seed = seed
        self.supports_masking = True
        self.dropout_layer = CounterDropout(
            rate, seed=seed, dtype=self.dtype_policy, name="dropout"
        )

    def call(self, embedded, token_ids, training=None):
        if not training or self.rate == 0:
            return embedded
        kept = ops.ones((self.vocabulary_size, 1), dtype=embedded.dtype)
        kept = self.dropout_layer(kept, training=training)
        return embedded * ops.take(kept, token_ids, axis=0)

    def get_config(self):
        return {
            **super().get_config(),
            "rate": self.rate,
            "vocabulary_size": self.vocabulary_size,
            "seed": self.seed,
        }

    def compute_output_shape(self, embedded_shape, *_):
        return embedded_shape
