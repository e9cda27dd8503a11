"""Training runs: folders, optimizers, checkpoints, guards, plans, progress."""

from longkeras.fitting.averaging import NonMonotoneAveraging
from longkeras.fitting.checkpoint import TrainingCheckpoint
from longkeras.fitting.compiling import compile_for_training, should_jit_compile
from longkeras.fitting.fit_loop import fit_steps
from longkeras.fitting.memory_plan import MemoryPlan, plan_memory
from longkeras.fitting.non_finite import (
    FiniteGuard,
    NonFinite,
    NonFiniteError,
    explain_non_finite,
    find_non_finite,
)
from longkeras.fitting.optimizer_settings import OptimizerSettings
from longkeras.fitting.progress import ProgressLog
from longkeras.fitting.run_folder import RunFolder
from longkeras.fitting.scalar_events import ScalarEvents
from longkeras.fitting.schedules import StagedLearningRate, WarmupStableDecay

__all__ = [
    "FiniteGuard",
    "MemoryPlan",
    "NonFinite",
    "NonFiniteError",
    "NonMonotoneAveraging",
    "OptimizerSettings",
    "ProgressLog",
    "RunFolder",
    "ScalarEvents",
    "StagedLearningRate",
    "TrainingCheckpoint",
    "WarmupStableDecay",
    "compile_for_training",
    "explain_non_finite",
    "find_non_finite",
    "fit_steps",
    "plan_memory",
    "should_jit_compile",
]
