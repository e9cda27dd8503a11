"""Base class of all tasks."""

from longkeras.models.base.arguments import StrictArguments
from longkeras.models.base.compile_defaults import CompilePolicy
from longkeras.models.base.frozen_weights import SavedTrainability, UnreadWeights
from longkeras.models.base.inputs import TextInputs
from longkeras.models.base.low_rank_adaptation import AdaptedTask
from longkeras.models.base.presets import HuggingFacePresets
from longkeras.models.base.saving import AtomicSaving, Copies, QuantizedHead
from longkeras.models.base.text_training import TextTraining


class TextTask(
    StrictArguments,
    TextInputs,
    SavedTrainability,
    QuantizedHead,
    UnreadWeights,
    CompilePolicy,
    Copies,
    AdaptedTask,
    AtomicSaving,
    HuggingFacePresets,
    TextTraining,
):
    """Base of all tasks: a backbone with a head.

    Adds to KerasHub's what `TextBackbone` adds, for the head and the compilation too,
    and `fit`, `evaluate` and `predict` on texts or ids in any form, with checks of
    inputs and targets.

    A subclass must provide:

    - `backbone` and `preprocessor` (or None), set first in the constructor;
    - `added_inputs`, a tuple of `InputSpec`, for inputs that its backbone lacks;
    - `needs_targets` or `makes_targets`, and the hooks of `TextTraining` for targets
      of its own kind;
    - `unread_weights()`, the weights of the backbone that it does not read.

    Mixin. Must precede `keras_hub.models.Task` or a subclass; see `TextBackbone`.
    """
