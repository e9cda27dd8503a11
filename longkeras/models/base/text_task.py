"""Base class of all tasks."""

from longkeras.models.base.arguments import StrictArguments
from longkeras.models.base.atomic_saving import AtomicSaving
from longkeras.models.base.compile_policy import CompilePolicy
from longkeras.models.base.copies import Copies
from longkeras.models.base.inputs import TextInputs
from longkeras.models.base.low_rank_adaptation import AdaptedTask
from longkeras.models.base.presets import HuggingFacePresets
from longkeras.models.base.quantized_head import QuantizedHead
from longkeras.models.base.text_training import TextTraining
from longkeras.models.base.trainability import SavedTrainability, UnreadWeights


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
    """A backbone with a head: everything that tasks share.

    A task gets `fit`, `evaluate` and `predict` on texts or ids in any form, checks of
    inputs and targets, the choice whether XLA compiles it, and what `TextBackbone`
    gives, with its head, how it was compiled, and its frozen weights saved too.

    A subclass must provide:

    - `backbone` and `preprocessor` (or None), set first in the constructor;
    - `added_inputs`, a tuple of `InputSpec`, for inputs that its backbone has not; the
      inputs of the backbone are `backbone.input`;
    - `needs_targets` or `makes_targets`, and the hooks of `TextTraining` for targets
      of a kind of its own;
    - `unread_weights()`, the weights of the backbone that it does not read.

    Mixin. Must precede `keras_hub.models.Task` or a subclass; see `TextBackbone`.
    """
