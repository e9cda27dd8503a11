"""Learning rates over the steps of a run."""

import keras
from keras import ops

from longkeras.argument_checks import check_arguments


@keras.saving.register_keras_serializable(package="longkeras")
class WarmupStableDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A short warmup, a long plateau and a linear decay to zero.

    The plateau does not depend on the end of the run, so a run may be continued from a
    checkpoint on the plateau to any later end. Steps are batches, not updates, also
    with `gradient_accumulation_steps`.

    Args:
        peak_learning_rate: float. The rate of the plateau.
        warmup_steps: int. Batches of the warmup.
        total_steps: int. Batch at which the rate reaches zero.
        decay_steps: int. Batches of the decay, at most `total_steps`.

    Raises:
        ValueError: If `decay_steps` is more than `total_steps`.

    Example:

    ```python
    from longkeras.fitting import WarmupStableDecay

    schedule = WarmupStableDecay(0.01, warmup_steps=10, total_steps=100, decay_steps=20)
    assert abs(float(schedule(50)) - 0.01) < 1e-6
    assert abs(float(schedule(90)) - 0.005) < 1e-6
    ```

    Reference:
        [MiniCPM](https://arxiv.org/abs/2404.06395), section 4
    """

    def __init__(self, peak_learning_rate, warmup_steps, total_steps, decay_steps):
        super().__init__()
        check_arguments(locals())
        if decay_steps > total_steps:
            raise ValueError(
                "`decay_steps` must be at most `total_steps`. Received: "
                f"decay_steps={decay_steps}, total_steps={total_steps}"
            )
        self.peak_learning_rate = peak_learning_rate
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.decay_steps = decay_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rise = (step + 1.0) / max(self.warmup_steps, 1)
        fall = (self.total_steps - step) / max(self.decay_steps, 1)
        return self.peak_learning_rate * ops.clip(ops.minimum(rise, fall), 0.0, 1.0)

    def get_config(self):
        return {
            "peak_learning_rate": self.peak_learning_rate,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "decay_steps": self.decay_steps,
        }


@keras.saving.register_keras_serializable(package="longkeras")
class StagedLearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """Another schedule with a rate that is multiplied by a factor at each stage.

    Args:
        schedule: `keras.optimizers.schedules.LearningRateSchedule`. The rate of the
            first stage.
        stage_ends: list of int. The batch after the last one of each stage, rising.
        factor: float. The factor from one stage to the next.

    Raises:
        ValueError: If `stage_ends` do not rise.

    Example:

    ```python
    from longkeras.fitting import StagedLearningRate, WarmupStableDecay

    plateau = WarmupStableDecay(0.01, warmup_steps=0, total_steps=90, decay_steps=0)
    schedule = StagedLearningRate(plateau, stage_ends=[30, 60, 90], factor=0.5)
    rates = [float(schedule(step)) for step in (29, 30, 89)]
    assert [round(rate, 6) for rate in rates] == [0.01, 0.005, 0.0025]
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150),
        section 4.2
    """

    def __init__(self, schedule, stage_ends, factor):
        super().__init__()
        if list(stage_ends) != sorted(set(stage_ends)):
            raise ValueError(
                f"`stage_ends` must rise. Received: stage_ends={list(stage_ends)}"
            )
        self.schedule = schedule
        self.stage_ends = list(stage_ends)
        self.factor = factor

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rate = self.schedule(step)
        for end in self.stage_ends[:-1]:
            rate = rate * ops.where(step < end, 1.0, self.factor)
        return rate

    def get_config(self):
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "stage_ends": self.stage_ends,
            "factor": self.factor,
        }

    @classmethod
    def from_config(cls, config):
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(**{**config, "schedule": schedule})
