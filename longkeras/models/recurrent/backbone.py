"""The recurrent language model without a head."""

import keras
import keras_hub
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.layers.counter_dropout import CounterDropout
from longkeras.layers.recurrent_stack import RecurrentStack
from longkeras.models.atomic_saving import AtomicSaving
from longkeras.models.checked_presets import CheckedPresets
from longkeras.models.embeddings import ReversibleEmbedding


@keras.saving.register_keras_serializable(package="longkeras")
class RecurrentBackbone(AtomicSaving, CheckedPresets, keras_hub.models.Backbone):
    """Token embedding and a stack of LSTM or GRU layers.

    The state is all that the model keeps of the text, so its size is constant,
    however long the text.

    Args:
        vocabulary_size: int. Number of token ids.
        num_layers: int. Recurrent layers.
        hidden_dim: int. Size of embedding and of every layer's state.
        cell: `"lstm"` or `"gru"`. Defaults to `"lstm"`.
        dropout: float. Rate between layers and before the head. Defaults to `0.0`.
        seed: int. Seed of the embedding and the dropout. Defaults to `None`.
        dtype: string or `keras.DTypePolicy`. Defaults to `None`, Keras' own.
        **kwargs: See `keras_hub.models.Backbone`.

    Call arguments:
        inputs: dict of `token_ids` `(batch, sequence)` and `padding_mask`
            `(batch, sequence)`, 0 or False at padding.

    Returns:
        Hidden states `(batch, sequence, hidden_dim)`.

    Example:

    ```python
    import numpy as np
    from longkeras.models import RecurrentBackbone

    backbone = RecurrentBackbone(vocabulary_size=259, num_layers=2, hidden_dim=16)
    inputs = {
        "token_ids": np.ones((1, 40), "int32"),
        "padding_mask": np.ones((1, 40), "int32"),
    }
    assert tuple(backbone(inputs).shape) == (1, 40, 16)
    ```

    Reference:
        [Zaremba et al., 2014](https://arxiv.org/abs/1409.2329)
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        hidden_dim,
        cell="lstm",
        dropout=0.0,
        seed=None,
        dtype=None,
        **kwargs,
    ):
        check_arguments(locals())
        # === Layers ===
        self.token_embedding = ReversibleEmbedding(
            input_dim=vocabulary_size,
            output_dim=hidden_dim,
            tie_weights=True,
            embeddings_initializer=keras.initializers.RandomUniform(
                -0.1, 0.1, seed=seed
            ),
            dtype=dtype,
            name="token_embedding",
        )
        self.recurrent_stack = RecurrentStack(
            units=hidden_dim,
            num_layers=num_layers,
            cell=cell,
            dropout=dropout,
            seed=seed,
            dtype=dtype,
            name="recurrent_stack",
        )
        self.output_dropout = CounterDropout(
            dropout, seed=seed, dtype=dtype, name="output_dropout"
        )

        # === Functional Model ===
        token_ids = keras.Input(shape=(None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input(shape=(None,), dtype="int32", name="padding_mask")
        x = self.token_embedding(token_ids)
        x = self.recurrent_stack(x, padding_mask=ops.cast(padding_mask, "bool"))
        super().__init__(
            inputs={"token_ids": token_ids, "padding_mask": padding_mask},
            outputs=self.output_dropout(x),
            dtype=dtype,
            **kwargs,
        )

        # === Config ===
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.hidden_dim = hidden_dim
        self.cell = cell
        self.dropout = dropout
        self.seed = seed

    def enable_lora(self, rank, target_layer_names=None):
        """Raises: a recurrent weight is not a layer that LoRA could adapt.

        Args:
            rank: int. Rank of the adaptation.
            target_layer_names: list of str. Defaults to `None`.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            "`enable_lora` adapts dense layers, and the recurrent weights are none: "
            "train all weights, or use `CausalTransformerBackbone`. "
            f"Received: rank={rank}, target_layer_names={target_layer_names}"
        )

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "hidden_dim": self.hidden_dim,
            "cell": self.cell,
            "dropout": self.dropout,
            "seed": self.seed,
        }
