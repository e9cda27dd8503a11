"""Base class of all backbones."""

from longkeras.models.base.arguments import StrictArguments
from longkeras.models.base.frozen_weights import SavedTrainability
from longkeras.models.base.inputs import TextInputs
from longkeras.models.base.low_rank_adaptation import LowRankAdaptation
from longkeras.models.base.presets import HuggingFacePresets
from longkeras.models.base.saving import AtomicSaving, Copies


class TextBackbone(
    StrictArguments,
    TextInputs,
    SavedTrainability,
    LowRankAdaptation,
    AtomicSaving,
    Copies,
    HuggingFacePresets,
):
    """Base of all backbones: a model of token ids without a head.

    Adds to KerasHub's: inputs that may be left out and are checked, errors for unknown
    arguments, LoRA that is saved, atomic saving, complete copies, and `from_preset` for
    checked folders and Hugging Face checkpoints.

    A subclass must provide:

    - `input_table`, a tuple of `InputSpec` (`longkeras.models.base.inputs`), of which
      `functional_inputs()` makes the inputs of the functional model;
    - the attributes that the table names, such as `vocabulary_size`;
    - layers that `enable_lora` finds by the names `query`, `value` and so on, or its
      own `default_lora_layer_names`;
    - `unsupported`, a dict of reasons, if it lacks a feature.

    Mixin. Must precede `keras_hub.models.Backbone` or a subclass. It does not derive
    from it: Keras replaces `keras.Model` in the bases of a functional model, which
    fails where one class is reached by two paths.
    """
