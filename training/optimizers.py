"""The optimizers of language models, on the schedule of a run."""

import keras

from longkeras.fitting import StagedLearningRate, WarmupStableDecay

OPTIMIZERS = ("adamw", "muon")


def build_optimizer(config, stage_ends=()):
    """The optimizer that a run asks for.

    Muon (Jordan et al., 2024; scaled as in arXiv:2502.16982, so that AdamW's learning
    rates and weight decay suit it) gives every matrix an orthogonal step; embeddings
    and vectors get AdamW's.

    Args:
        config: `training.contestants.LanguageModelConfig`.
        stage_ends: list of int. Steps after which the learning rate changes with the
            stage. Defaults to `()`.

    Returns:
        `keras.optimizers.Optimizer`.

    Raises:
        ValueError: If the optimizer is unknown.
    """
    shared = {
        "weight_decay": config.weight_decay,
        "global_clipnorm": config.clip_norm,
    }
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(
            _schedule(config, stage_ends), beta_2=0.98, **shared
        )
    if config.optimizer == "muon":
        return keras.optimizers.Muon(
            _schedule(config, stage_ends),
            adam_beta_2=0.98,
            adam_weight_decay=config.weight_decay,
            **shared,
        )
    raise ValueError(
        f"`optimizer` must be one of {OPTIMIZERS}. "
        f"Received: optimizer={config.optimizer!r}"
    )


def _schedule(config, stage_ends):
    schedule = WarmupStableDecay(
        config.learning_rate,
        warmup_steps=config.warmup_steps,
        total_steps=config.steps,
        decay_steps=round(config.steps * config.decay_fraction),
    )
    if config.stage_rate == 1.0:
        return schedule
    return StagedLearningRate(schedule, stage_ends, config.stage_rate)
