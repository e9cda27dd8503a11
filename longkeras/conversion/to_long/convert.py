"""Conversion of BERT, RoBERTa and XLM-R to Longformer."""

import os
from pathlib import Path
from typing import Any

from longkeras.conversion.checkpoint_folder import local_folder, read_config
from longkeras.conversion.families import find_family, find_long_family
from longkeras.conversion.load_request import LoadRequest
from longkeras.conversion.read import read_model
from longkeras.models.base.presets import check_preset_name
from longkeras.safe_files.preset_layout import HUB_PREFIX


def convert_to_long(
    model: Any,
    max_sequence_length: int = 4096,
    attention_window: int | list[int] = 512,
    task: str | None = None,
    num_classes: int | None = None,
    class_names: list[str] | None = None,
) -> Any:
    """Converts BERT, RoBERTa or XLM-R to Longformer, without training.

    Every weight is copied. The rows of the position table are repeated up to the new
    length, and the projections of global tokens are copies of the others, as in the
    initial weights of Longformer. For texts shorter than half the window, the outputs
    are those of the old model, up to rounding. Longer texts need some training, of a
    masked language model for example, to adapt to the repeated positions.

    From Hugging Face folders everything is kept that a Longformer has: token types,
    activation, epsilon, untied output, heads of masked language models, text and token
    classifiers, and question answerers. BERT's next-sentence head is left out, and so
    is the pooler, except in a backbone and in BERT's text classifier, whose first layer
    it is. BERT counts positions over padding too: outputs are the same where padding
    follows the text.

    The head of a checkpoint is kept if it is that of the task and has the requested
    number of classes. Otherwise the head is new, with random weights, and a line in the
    log says so. `from_preset` of the Longformer classes converts Hugging Face folders
    in the same way.

    Args:
        model: `keras_hub.models.RobertaBackbone`, `BertBackbone` or
            `XLMRobertaBackbone`; one of their tasks `...MaskedLM` or
            `...TextClassifier`; the name or folder of a preset of them; or a Hugging
            Face folder or `"hf://user/name"` of RoBERTa, BERT (Chinese BERT and
            RoBERTa-wwm too) or XLM-R.
        max_sequence_length: int. The longest text of the new model, at least that of
            the old one. Defaults to `4096`.
        attention_window: int, or list of one per layer. Keys in the window, an even
            number, half of them on each side of the token. Defaults to `512`.
        task: str, for a folder or a name: `"backbone"`, `"masked_lm"`,
            `"text_classifier"`, `"question_answerer"` or `"token_classifier"`.
            Defaults to `None`: the folder's own task, or a preset's backbone.
        num_classes: int. Number of classes of a classifier from a folder or a name.
            Defaults to `None`: the number of `class_names`, or that of the checkpoint.
        class_names: list of str, one per class. Defaults to `None`: those of the
            checkpoint, if its classes are kept.

    Returns:
        `longkeras.models.LongformerBackbone` or a task of the family, with a
        preprocessor if the old model had one or the folder holds a tokenizer. To
        convert a tokenizer alone, see `LongformerTokenizer.from_byte_pair`,
        `from_word_piece` and `from_sentence_piece`.

    Raises:
        CheckpointError: If a folder is missing, damaged or of another kind.
        ValueError: If the model is of another kind, already long, quantized or
            adapted, if a new classifier has no number of classes, or if the length or
            window does not fit.

    Example:

    ```python
    import keras_hub
    from longkeras.conversion import convert_to_long

    roberta = keras_hub.models.RobertaBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, max_sequence_length=32,
    )
    longformer = convert_to_long(roberta, max_sequence_length=128, attention_window=16)
    assert longformer.max_sequence_length == 128
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """
    sizes = {
        "max_sequence_length": max_sequence_length,
        "attention_window": attention_window,
    }
    classes = {"num_classes": num_classes, "class_names": class_names}
    # Families are imported when they are needed.
    from longkeras.conversion.to_long.keras_hub_models import (
        convert_model,
        convert_preset,
    )

    if not isinstance(model, str | os.PathLike):
        _refuse_for_models(model, task=task, **classes)
        return convert_model(model, **sizes)
    name = os.fspath(model)
    overrides = {**sizes, **{x: y for x, y in classes.items() if y is not None}}
    check_preset_name(name, "model")
    config = {}
    if name.startswith(HUB_PREFIX) or Path(name).is_dir():
        config = read_config(name)
    if "model_type" not in config:
        return convert_preset(task, name, **overrides)
    request = LoadRequest(local_folder(name), config, task, overrides=overrides)
    return read_model(request, _long_family(request))


def _long_family(request: LoadRequest) -> Any:
    is_long = request.model_type == "longformer"
    if not is_long:
        longer = find_long_family(request)
        is_long = find_family(request).backbone is longer.backbone
    if is_long:
        raise ValueError(
            "The model is a Longformer already: load it with `from_huggingface`, and "
            "make it longer with its `extend_positions`. Received: "
            f"path={request.path}"
        )
    return longer


def _refuse_for_models(model: Any, **arguments: Any) -> None:
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"`{name}` is for names and folders: a model has the task that it has, "
                "and `Longformer...(backbone)` puts a new head on a converted "
                f"backbone. Received: {name}={value!r}, model={type(model).__name__}"
            )
