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
