"""Base class of all tasks."""

from longkeras.models.base.atomic_saving import AtomicSaving
from longkeras.models.base.compile_policy import CompilePolicy
from longkeras.models.base.default_inputs import DefaultInputs
from longkeras.models.base.low_rank_adaptation import AdaptedTask
from longkeras.models.base.prepared_data import PreparedData
from longkeras.models.base.preset_loading import HuggingFacePresets
from longkeras.models.base.quantized_head import QuantizedHead
from longkeras.models.base.saved_compilation import SavedCompilation
from longkeras.models.base.saved_trainability import SavedTrainability
from longkeras.models.base.shuffled_fit import ShuffledFit
from longkeras.models.base.strict_arguments import StrictArguments
from longkeras.models.base.texts_or_ids import TextsOrIds
from longkeras.models.base.unread_weights import UnreadWeights


class TextTask(
    StrictArguments,
    DefaultInputs,
    SavedTrainability,
    QuantizedHead,
    UnreadWeights,
    CompilePolicy,
    SavedCompilation,
    AdaptedTask,
    AtomicSaving,
    HuggingFacePresets,
    TextsOrIds,
    ShuffledFit,
    PreparedData,
):
    """A backbone with a head, trained and used on texts."""
