"""Configurations of the byte-level language models, equal in size and budget."""

import dataclasses

from longkeras.fitting import OptimizerSettings
from longkeras.layers import NGramFeatures
from longkeras.models import (
    ByteTokenizer,
    CausalTransformerBackbone,
    RecurrentBackbone,
    RecurrentCausalLM,
    RecurrentCausalLMPreprocessor,
    TransformerCausalLM,
    TransformerCausalLMPreprocessor,
)

FAMILIES = ("lstm", "full_attention", "sliding_window")


@dataclasses.dataclass(frozen=True)
class LanguageModelConfig:
    """Everything that decides a run; written as JSON beside the weights.

    Args:
        name: str. Folder of the model.
        family: str. `"lstm"`, `"full_attention"` or `"sliding_window"`.
        title: str. Name on the page.
        num_layers: int. Layers.
        hidden_dim: int. Size of hidden states.
        sequence_length: int. Bytes of a training window.
        batch_size: int. Windows of a batch.
        learning_rate: float. Plateau of the schedule.
        num_heads: int. Attention heads; 0 for the LSTM.
        intermediate_dim: int. Inner size of feed-forward parts; 0 for the LSTM.
        attention_window: tuple of int, one per layer, or None.
        stages: int. Equal parts of the run. Windows are half as long, and twice as
            many, as in the next stage: short ones show more places of more books a
            step, long ones come when the near past is learnt.
        stage_rate: float. What a stage's learning rate is multiplied by in the next.
        grow_windows: bool. Whether attention windows are half as wide in each stage as
            in the next, too.
        steps: int. Optimizer steps.
        warmup_steps: int. Steps of rising learning rate.
        decay_fraction: float. Share of the steps in which the rate falls to zero.
        optimizer: str. `"adamw"` or `"muon"`.
        weight_decay: float. Of the optimizer.
        clip_norm: float. Largest norm of a step's gradient.
        seed: int. Of weights and order of windows.
        english_weight: float. Windows of English for one of Chinese.
        dropout: float. Of the backbone.
        ngram_sizes: tuple of int, or None. N-gram sizes of the embedding; see
            `longkeras.layers.NGramFeatures`.
        ngram_bins: int. Rows of its table.
        ngram_dim: int. Size of a row.
        ngram_head_sizes: tuple of int, or None. N-gram sizes of the heads.
        ngram_head_window: int. Number of bytes back that the heads search.
    """

    name: str
    family: str
    title: str
    num_layers: int
    hidden_dim: int
    sequence_length: int
    batch_size: int
    learning_rate: float
    num_heads: int = 0
    intermediate_dim: int = 0
    attention_window: tuple[int, ...] | None = None
    stages: int = 1
    stage_rate: float = 1.0
    grow_windows: bool = False
    steps: int = 3800
    warmup_steps: int = 100
    decay_fraction: float = 0.3
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    seed: int = 1
    english_weight: float = 1.5
    dropout: float = 0.0
    ngram_sizes: tuple[int, ...] | None = None
    ngram_bins: int = 49152
    ngram_dim: int = 48
    ngram_head_sizes: tuple[int, ...] | None = None
    ngram_head_window: int = 4096

    @property
    def ngram_features(self):
        """`longkeras.layers.NGramFeatures`, or None without sizes."""
        # Without a number, the command line gives an empty tuple.
        sizes, head_sizes = self.ngram_sizes or None, self.ngram_head_sizes or None
        if sizes is None and head_sizes is None:
            return None
        return NGramFeatures(
            sizes,
            num_bins=self.ngram_bins,
            embedding_dim=self.ngram_dim,
            head_sizes=head_sizes,
            head_window=self.ngram_head_window,
        )

    @property
    def bytes_per_step(self):
        """Bytes of a batch."""
        return self.sequence_length * self.batch_size

    def stage_of(self, step):
        """Stage of a step: the windows it is trained on.

        Args:
            step: int.

        Returns:
            `(sequence_length, batch_size, last step of the stage)`.
        """
        stage = self.stage_number(step)
        shrink = self._shrink(stage)
        end = -(-self.steps * (stage + 1) // self.stages)
        return self.sequence_length // shrink, self.batch_size * shrink, end

    def stage_number(self, step):
        """Number of the stage of a step, counted from 0.

        Args:
            step: int.

        Returns:
            int.
        """
        return min(step * self.stages // self.steps, self.stages - 1)

    def stage_ends(self, epoch_steps):
        """The steps after which the stages are changed: always at a checkpoint.

        Args:
            epoch_steps: int. Steps between checkpoints.

        Returns:
            list of int, one a stage.
        """
        ends = [
            -(-self.steps * (stage + 1) // self.stages) for stage in range(self.stages)
        ]
        return [-(-end // epoch_steps) * epoch_steps for end in ends]

    def windows_of(self, stage):
        """The attention windows of a stage.

        Args:
            stage: int. From 0.

        Returns:
            tuple of int, one a layer, or None where there are none.
        """
        if self.attention_window is None or not self.grow_windows:
            return self.attention_window
        shrink = self._shrink(stage)
        return tuple(max(1, window // shrink) for window in self.attention_window)

    def optimizer_settings(self, stage_ends=()):
        """The optimizer of the run.

        Args:
            stage_ends: list of int. Steps after which the learning rate changes with
                the stage. Defaults to `()`.

        Returns:
            `longkeras.fitting.OptimizerSettings`.
        """
        return OptimizerSettings.from_config(self, stage_ends=tuple(stage_ends))

    def _shrink(self, stage):
        return 2 ** (self.stages - 1 - stage)


# Shared by the three: the data, the optimizer, the table of n-grams.
_SHARED = {
    "steps": 6000,
    "decay_fraction": 0.25,
    "optimizer": "muon",
    "english_weight": 0.5,
    "ngram_sizes": (2, 3, 4, 5, 6, 8),
}
# The LSTM has no heads, so that it remembers only through its state.
_NGRAM_HEADS = {"ngram_head_sizes": (3, 4, 5, 6, 7, 8, 9, 12, 16)}

MODEL_CONFIGS = {
    config.name: config
    for config in (
        LanguageModelConfig(
            name="byte-lstm",
            family="lstm",
            title="LSTM",
            num_layers=2,
            hidden_dim=192,
            sequence_length=128,
            batch_size=32,
            learning_rate=6e-3,
            **_SHARED,
        ),
        LanguageModelConfig(
            name="byte-transformer-full",
            family="full_attention",
            title="Full attention",
            num_layers=3,
            hidden_dim=128,
            num_heads=4,
            intermediate_dim=344,
            sequence_length=256,
            batch_size=16,
            learning_rate=6e-3,
            **_SHARED,
            **_NGRAM_HEADS,
        ),
        LanguageModelConfig(
            name="byte-longformer",
            family="sliding_window",
            title="Sliding window (Longformer)",
            num_layers=3,
            hidden_dim=128,
            num_heads=4,
            intermediate_dim=344,
            attention_window=(64, 256, 1024),
            sequence_length=4096,
            batch_size=1,
            stages=3,
            grow_windows=True,
            learning_rate=6e-3,
            **_SHARED,
            **_NGRAM_HEADS,
        ),
    )
}


def build_model(config, stage=-1):
    """Make a model with fresh weights.

    Args:
        config: `LanguageModelConfig`.
        stage: int. Whose attention windows it gets. Defaults to `-1`, the last.

    Returns:
        `RecurrentCausalLM` or `TransformerCausalLM`, with its preprocessor.

    Raises:
        ValueError: If the family is unknown.
    """
    sizes = {
        "vocabulary_size": ByteTokenizer().vocabulary_size(),
        "num_layers": config.num_layers,
        "hidden_dim": config.hidden_dim,
        "dropout": config.dropout,
        "seed": config.seed,
        "ngram_features": config.ngram_features,
    }
    tokenizer, length = ByteTokenizer(), config.sequence_length
    if config.family == "lstm":
        return RecurrentCausalLM(
            RecurrentBackbone(**sizes, cell="lstm"),
            RecurrentCausalLMPreprocessor(tokenizer, sequence_length=length),
        )
    if config.family not in FAMILIES:
        raise ValueError(
            f"`family` must be one of {FAMILIES}. Received: family={config.family!r}"
        )
    windowed = config.family == "sliding_window"
    windows = config.windows_of(range(config.stages)[stage])
    backbone = CausalTransformerBackbone(
        **sizes,
        num_heads=config.num_heads,
        intermediate_dim=config.intermediate_dim,
        attention_window=list(windows) if windowed else None,
        max_sequence_length=None if windowed else config.sequence_length,
    )
    preprocessor = TransformerCausalLMPreprocessor(tokenizer, sequence_length=length)
    return TransformerCausalLM(backbone, preprocessor)
