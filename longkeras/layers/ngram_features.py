"""Configuration of the n-gram layers of a causal backbone."""

import dataclasses

import keras

from longkeras.argument_checks import check_arguments
from longkeras.layers.ngram_rows import checked_sizes


@keras.saving.register_keras_serializable(package="longkeras")
@dataclasses.dataclass(frozen=True)
class NGramFeatures:
    """N-gram features that a causal backbone adds to its token embeddings.

    `sizes` adds a `longkeras.layers.NGramEmbedding`, which looks up the last n tokens
    in a hashed table. `head_sizes` adds `longkeras.layers.NGramHeads`, which look up
    the token that followed the previous occurrence of the last n tokens. Both help
    models of bytes most. Instances are immutable, hashable and compared by value.

    Args:
        sizes: list of int, each at least 2. N-gram sizes of the embedding. Defaults to
            `None`, no embedding.
        num_bins: int. Rows of the embedding's hashed table. Defaults to `32768`.
        embedding_dim: int. Size of a row. Defaults to `64`.
        head_sizes: list of int, each at least 2. N-gram sizes of the heads. Defaults
            to `None`, no heads.
        head_window: int. Number of tokens back that the heads search, independent of
            attention windows. Limited to the backbone's `max_sequence_length`, if it
            has one. Defaults to `4096`.
        head_dim: int. Size of an embedded token of the heads. Defaults to `32`.

    Raises:
        ValueError: If neither `sizes` nor `head_sizes` is given, a size is less than 2,
            or another argument is not a positive int.

    Example:

    ```python
    from longkeras.layers import NGramFeatures
    from longkeras.models import CausalTransformerBackbone

    backbone = CausalTransformerBackbone(
        vocabulary_size=259, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, attention_window=8,
        ngram_features=NGramFeatures(sizes=[2, 3], num_bins=64, embedding_dim=4),
    )
    assert backbone.ngram_features.sizes == (2, 3)
    ```

    Reference:
        [Byte Latent Transformer, section 3.2.1](https://arxiv.org/abs/2412.09871);
        [In-Context Language Learning, section 6](https://arxiv.org/abs/2401.12973)
    """

    sizes: tuple[int, ...] | None = None
    num_bins: int = 32768
    embedding_dim: int = 64
    head_sizes: tuple[int, ...] | None = None
    head_window: int = 4096
    head_dim: int = 32

    def __post_init__(self):
        if self.sizes is None and self.head_sizes is None:
            raise ValueError(
                "`sizes` or `head_sizes` must be given. "
                "Received: sizes=None, head_sizes=None"
            )
        check_arguments(vars(self))
        for name in ("sizes", "head_sizes"):
            sizes = getattr(self, name)
            if sizes is not None:
                # A frozen dataclass can only be normalised through object.__setattr__.
                object.__setattr__(self, name, tuple(checked_sizes(sizes, name)))

    def get_config(self):
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
        }

    @classmethod
    def from_config(cls, config):
        """Create the features from the output of `get_config`.

        Args:
            config: dict.

        Returns:
            `NGramFeatures`.
        """
        return cls(**config)
