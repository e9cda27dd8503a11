"""Base class of all backbones."""

from longkeras.models.base.atomic_saving import AtomicSaving
from longkeras.models.base.copies import Copies
from longkeras.models.base.default_inputs import DefaultInputs
from longkeras.models.base.low_rank_adaptation import LowRankAdaptation
from longkeras.models.base.preset_loading import HuggingFacePresets
from longkeras.models.base.saved_trainability import SavedTrainability
from longkeras.models.base.strict_arguments import StrictArguments


class TextBackbone(
    StrictArguments,
    DefaultInputs,
    SavedTrainability,
    LowRankAdaptation,
    AtomicSaving,
    Copies,
    HuggingFacePresets,
):
    """A model of token ids without a head.

    Mixin. Must precede `keras_hub.models.Backbone`, or a class of it, in the bases:
    Keras cannot make a functional model of a class that reaches it on two paths.
    """
