"""Learning rates over the steps of a run."""

import keras
from keras import ops

from longkeras.argument_checks import check_arguments


@keras.saving.register_keras_serializable(package="longkeras")
class WarmupStableDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A short rise, a long plateau and a linear fall to zero.

    The plateau does not depend on where the run ends, so a run may be continued from
    a checkpoint taken on it, to any later end.

    Args:
        peak_learning_rate: float. The rate of the plateau.
        warmup_steps: int. Steps of the rise.
        total_steps: int. Step at which the rate reaches zero.
        decay_steps: int. Steps of the fall, at most `total_steps`.

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
