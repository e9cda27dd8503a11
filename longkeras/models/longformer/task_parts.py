"""What a task of this family is put together from."""

from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.preprocessor import LongformerPreprocessor


def check_parts(backbone, preprocessor):
    """Refuse a backbone or a preprocessor of another kind.

    Args:
        backbone: what was given as such.
        preprocessor: likewise, or None.

    Raises:
        ValueError: If one is of another family, or no such thing.
    """
    if not isinstance(backbone, LongformerBackbone):
        raise ValueError(
            "`backbone` must be a `longkeras.models.LongformerBackbone`; "
            "`longkeras.conversion.convert_to_long` makes one of RoBERTa, BERT and "
            f"XLM-R. Received: backbone={backbone!r}"
        )
    if not isinstance(preprocessor, LongformerPreprocessor | None):
        raise ValueError(
            "`preprocessor` must be one of `longkeras.models.Longformer...Preprocessor`"
            f", made with a tokenizer, or None. Received: preprocessor={preprocessor!r}"
        )


def check_vocabulary(task):
    """Refuse texts for a model that has not a row for every token.

    Args:
        task: a task with a preprocessor.

    Raises:
        ValueError: If its tokenizer has more tokens than its backbone.
    """
    tokens = task.preprocessor.tokenizer.vocabulary_size()
    rows = task.backbone.vocabulary_size
    if tokens > rows:
        raise ValueError(
            f"The tokenizer has {tokens} tokens, and the embedding rows for {rows}: "
            "take the tokenizer that the backbone was made with, or make the backbone "
            f"with `vocabulary_size={tokens}`. Received: vocabulary_size={rows}"
        )
