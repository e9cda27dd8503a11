"""What training recipes share: checkpoints, guards, plans, schedules, progress."""

from longkeras.fitting.averaging import NonMonotoneAveraging
from longkeras.fitting.checkpoint import TrainingCheckpoint
from longkeras.fitting.compiling import should_jit_compile
from longkeras.fitting.memory_plan import MemoryPlan, plan_memory
from longkeras.fitting.non_finite import (
    FiniteGuard,
    NonFinite,
    NonFiniteError,
    explain_non_finite,
    find_non_finite,
)
from longkeras.fitting.progress import ProgressLog
from longkeras.fitting.scalar_events import ScalarEvents
from longkeras.fitting.schedules import StagedLearningRate, WarmupStableDecay

__all__ = [
    "FiniteGuard",
    "MemoryPlan",
    "NonFinite",
    "NonFiniteError",
    "NonMonotoneAveraging",
    "ProgressLog",
    "ScalarEvents",
    "StagedLearningRate",
    "TrainingCheckpoint",
    "WarmupStableDecay",
    "explain_non_finite",
    "find_non_finite",
    "plan_memory",
    "should_jit_compile",
]
