"""What training recipes share: schedules, resumable checkpoints, progress."""

from longkeras.fitting.checkpoint import TrainingCheckpoint
from longkeras.fitting.compiling import should_jit_compile
from longkeras.fitting.progress import ProgressLog
from longkeras.fitting.schedules import WarmupStableDecay

__all__ = [
    "ProgressLog",
    "TrainingCheckpoint",
    "WarmupStableDecay",
    "should_jit_compile",
]
