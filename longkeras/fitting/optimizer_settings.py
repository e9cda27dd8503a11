"""The optimizer of a training run and its learning-rate schedule."""

import dataclasses

import keras

from longkeras.fitting.schedules import StagedLearningRate, WarmupStableDecay

OPTIMIZERS = ("adamw", "muon", "sgd")
_BETA_2 = 0.98


@dataclasses.dataclass(frozen=True)
class OptimizerSettings:
    """The settings of a run's optimizer.

    Args:
        learning_rate: float. The plateau of the schedule.
        steps: int. Optimizer steps of the run.
        warmup_steps: int. Steps in which the learning rate rises.
        decay_fraction: float. Fraction of the steps in which the learning rate falls
            to zero.
        weight_decay: float.
        clip_norm: float or None. Largest global norm of the gradients of a step.
        optimizer: str. `"adamw"`; `"muon"`, with orthogonalized updates of matrices and
            AdamW's of embeddings and vectors, for AdamW's learning rates and weight
            decay; or `"sgd"`, without momentum and with a constant learning rate.
            Defaults to `"adamw"`.
        stage_ends: sequence of int. The step after the last one of each stage.
            Defaults to `()`.
        stage_rate: float. The factor of the learning rate from one stage to the next.
            Defaults to `1.0`.

    Raises:
        ValueError: If the optimizer is unknown.

    Example:

    ```python
    import keras
    from longkeras.fitting import OptimizerSettings

    settings = OptimizerSettings(
        learning_rate=0.01,
        steps=100,
        warmup_steps=10,
        decay_fraction=0.2,
        weight_decay=0.01,
        clip_norm=1.0,
    )
    assert isinstance(settings.build_optimizer(), keras.optimizers.AdamW)
    ```

    Reference:
        Muon: Jordan et al., 2024, scaled as in
        [Liu et al., 2025](https://arxiv.org/abs/2502.16982)
    """

    learning_rate: float
    steps: int
    warmup_steps: int
    decay_fraction: float
    weight_decay: float
    clip_norm: float | None
    optimizer: str = "adamw"
    stage_ends: tuple[int, ...] = ()
    stage_rate: float = 1.0

    def __post_init__(self):
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(
                f"`optimizer` must be one of {OPTIMIZERS}. "
                f"Received: optimizer={self.optimizer!r}"
            )

    @classmethod
    def from_config(cls, config, **settings):
        """Take the settings from the fields of the same names in a dataclass.

        Args:
            config: dataclass, the configuration of a run.
            **settings: settings that replace those of `config`.

        Returns:
            `OptimizerSettings`.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        taken = {
            field.name: getattr(config, field.name)
            for field in dataclasses.fields(config)
            if field.name in names
        }
        return cls(**{**taken, **settings})

    def build_optimizer(self):
        """Make the optimizer.

        Returns:
            `keras.optimizers.Optimizer`.
        """
        shared = {
            "weight_decay": self.weight_decay,
            "global_clipnorm": self.clip_norm,
        }
        if self.optimizer == "sgd":
            return keras.optimizers.SGD(self.learning_rate, **shared)
        schedule = self._schedule()
        if self.optimizer == "adamw":
            return keras.optimizers.AdamW(schedule, beta_2=_BETA_2, **shared)
        return keras.optimizers.Muon(
            schedule,
            adam_beta_2=_BETA_2,
            adam_weight_decay=self.weight_decay,
            **shared,
        )

    def _schedule(self):
        schedule = WarmupStableDecay(
            self.learning_rate,
            warmup_steps=self.warmup_steps,
            total_steps=self.steps,
            decay_steps=round(self.steps * self.decay_fraction),
        )
        if self.stage_rate == 1.0:
            return schedule
        return StagedLearningRate(schedule, self.stage_ends, self.stage_rate)
