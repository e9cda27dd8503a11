"""Configurations and models for finding a pass key, of about equal size."""

import dataclasses

import keras
import numpy as np

from longkeras.fitting import OptimizerSettings
from longkeras.models import (
    ByteTokenizer,
    LongformerBackbone,
    LongformerTokenClassifier,
    RecurrentBackbone,
)

FAMILIES = ("longformer", "short", "lstm")
NUM_CLASSES = 10
# Longformer's initializers have a standard deviation of 0.02, as in large models; a
# small model learns faster with a larger one.
_KERNEL_SCALE, _EMBEDDING_SCALE, _WAVE_SCALE = 6.0, 15.0, 1.0
_TURN_SCALE = 1.5


@dataclasses.dataclass(frozen=True)
class PasskeyConfig:
    """Everything that decides a run; written as JSON beside the weights.

    Args:
        name: str. Folder of the model.
        family: str. `"longformer"`: windows, the question global. `"short"`: no global
            tokens, the last bytes alone, each of which sees all of them. `"lstm"`.
        num_layers: int. Layers.
        hidden_dim: int. Size of hidden states.
        num_heads: int. Attention heads; 0 for the LSTM.
        intermediate_dim: int. Inner size of feed-forward parts; 0 for the LSTM.
        attention_window: int. Keys in a token's window; 0 for the LSTM.
        reads: int or None. The last bytes that the model is given; None is all.
        position_period: int. Rows of the position table; longer texts have them again
            and again. 0 for the LSTM.
        stages: tuple of `(bytes of the text, texts of a batch, steps, decoys)`, the
            last the most other numbers that a text tells: each draws 1 to so many.
        learning_rate: float. Plateau of the schedule.
        warmup_steps: int. Steps of rising learning rate.
        decay_fraction: float. Share of the steps in which the rate falls to zero.
        weight_decay: float. Of AdamW.
        clip_norm: float. Largest norm of a step's gradient.
        seed: int. Of weights and texts.
    """

    name: str
    family: str
    num_layers: int
    hidden_dim: int
    num_heads: int = 0
    intermediate_dim: int = 0
    attention_window: int = 0
    reads: int | None = None
    position_period: int = 0
    stages: tuple[tuple[int, int, int, int], ...] = (
        (128, 32, 450, 0),
        (256, 16, 350, 1),
        (1024, 16, 600, 8),
        (4096, 4, 600, 15),
    )
    learning_rate: float = 3e-3
    warmup_steps: int = 30
    decay_fraction: float = 0.3
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    seed: int = 1

    @property
    def steps(self):
        """Optimizer steps of all stages."""
        return sum(steps for _, _, steps, _ in self.stages)

    @property
    def optimizer_settings(self):
        """The optimizer of the run."""
        return OptimizerSettings.from_config(self, steps=self.steps)

    def stage_of(self, step):
        """Stage of a step: the texts it is trained on.

        Args:
            step: int.

        Returns:
            `(bytes of the text, texts of a batch, last step of the stage, decoys)`.
        """
        ends = np.cumsum([steps for _, _, steps, _ in self.stages])
        number = min(np.searchsorted(ends, step, side="right"), len(ends) - 1)
        length, batch_size, _, decoys = self.stages[number]
        return length, batch_size, int(ends[number]), decoys


PASSKEY_MODELS = {
    config.name: config
    for config in (
        PasskeyConfig(
            name="passkey-encoder",
            family="longformer",
            num_layers=3,
            hidden_dim=64,
            num_heads=4,
            intermediate_dim=128,
            attention_window=32,
            position_period=512,
        ),
        PasskeyConfig(
            name="passkey-short",
            family="short",
            num_layers=3,
            hidden_dim=64,
            num_heads=4,
            intermediate_dim=128,
            attention_window=1024,
            reads=512,
            position_period=512,
        ),
        PasskeyConfig(name="passkey-lstm", family="lstm", num_layers=2, hidden_dim=100),
    )
}


def build_passkey_model(config, max_sequence_length=None):
    """Make a model with fresh weights.

    Args:
        config: `PasskeyConfig`.
        max_sequence_length: int. The longest text of a Longformer, if more than its
            period of positions. Defaults to `None`.

    Returns:
        `longkeras.models.LongformerTokenClassifier`, or for the LSTM a `keras.Model`
        of the same outputs: logits of ten digits at every token.

    Raises:
        ValueError: If the family is unknown.
    """
    vocabulary_size = ByteTokenizer().vocabulary_size()
    if config.family == "lstm":
        backbone = RecurrentBackbone(
            vocabulary_size, config.num_layers, config.hidden_dim, seed=config.seed
        )
        logits = keras.layers.Dense(NUM_CLASSES, name="logits")(backbone.output)
        return keras.Model(backbone.input, logits, name=config.name.replace("-", "_"))
    if config.family not in FAMILIES:
        raise ValueError(
            f"`family` must be one of {FAMILIES}. Received: family={config.family!r}"
        )
    backbone = LongformerBackbone(
        vocabulary_size,
        config.num_layers,
        config.num_heads,
        config.hidden_dim,
        config.intermediate_dim,
        attention_window=config.attention_window,
        max_sequence_length=config.position_period,
        padding_id=ByteTokenizer().pad_token_id,
        dropout=0.0,
        attention_dropout=0.0,
        seed=config.seed,
    )
    model = LongformerTokenClassifier(backbone, num_classes=NUM_CLASSES, dropout=0.0)
    _widen(model, config)
    if max_sequence_length is not None and max_sequence_length > config.position_period:
        model = model.extend_positions(max_sequence_length)
    # Equal in every period, so they must not be trained.
    model.backbone.position_embedding.trainable = False
    return model


def position_waves(period, hidden_dim):
    """Periodic position waves: each position equals the one a period earlier.

    They encode only distances, so content is read in the same way at every position of
    a text of any length.

    Args:
        period: int. Positions.
        hidden_dim: int. Even; half of it is the number of waves.

    Returns:
        float array `(period, hidden_dim)`, sines and then cosines.
    """
    angles = np.arange(period)[:, None] * _steps(period, hidden_dim // 2)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def turned_waves(period, hidden_dim, offsets):
    """Queries and keys of heads that look a number of bytes back.

    Each head has a part of the waves. Its keys are the waves, and its queries the waves
    turned back by the head's offset, so a query best matches the key that far before.

    Args:
        period: int. As of `position_waves`.
        hidden_dim: int. As of `position_waves`, a multiple of twice the heads.
        offsets: sequence of int. One a head.

    Returns:
        `(query, key)`: two float arrays `(hidden_dim, hidden_dim)`, kernels of dense
        layers.
    """
    steps, half = _steps(period, hidden_dim // 2), hidden_dim // 2
    query, key = np.zeros((2, hidden_dim, hidden_dim))
    heads = len(offsets)
    for wave, step in enumerate(steps):
        # Neighbouring waves belong to different heads.
        head, place = wave % heads, wave // heads
        column = head * (hidden_dim // heads) + 2 * place
        sine, cosine = wave, half + wave
        back = step * offsets[head]
        key[[sine, cosine], [column, column + 1]] = 1
        query[[sine, cosine], [column, column + 1]] = np.cos(back)
        query[[cosine, sine], [column, column + 1]] = -np.sin(back), np.sin(back)
    return query, key


def _steps(period, num_waves):
    """Angle by which each wave turns from one position to the next."""
    # Whole numbers of waves per period, each of 3 to 64 positions, for near distances.
    counts = np.geomspace(max(1, period / 64), period / 3, 8 * num_waves)
    counts = np.unique(counts.round())
    chosen = np.linspace(0, len(counts) - 1, num_waves)
    return 2 * np.pi * counts[chosen.round().astype(int)] / period


def _widen(model, config):
    for weight in model.weights:
        if weight.name == "kernel":
            weight.assign(weight * _KERNEL_SCALE)
    tokens = model.backbone.token_embedding.embeddings
    tokens.assign(tokens * _EMBEDDING_SCALE)
    table = model.backbone.position_embedding.position_embeddings
    rows = keras.ops.convert_to_numpy(table).copy()
    period, hidden_dim = config.position_period, config.hidden_dim
    rows[-period:] = _WAVE_SCALE * position_waves(period, hidden_dim)
    table.assign(rows)
    # The first layer gathers the bytes before; the next gathers their results.
    layers = model.backbone.transformer_layers[:-1]
    for layer, width in zip(layers, (1, 4), strict=False):
        offsets = [width * (head + 1) for head in range(config.num_heads)]
        kernels = turned_waves(period, hidden_dim, offsets)
        denses = layer.attention.query_dense, layer.attention.key_dense
        for dense, kernel in zip(denses, kernels, strict=True):
            dense.kernel.assign(_TURN_SCALE * kernel + dense.kernel / _KERNEL_SCALE)
