"""The subword tokenizer of Longformer's checkpoints."""

import keras

from longkeras.models.base.presets import HuggingFacePresets
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.text.subword_tokenizer import SubwordTokenizer


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerTokenizer(HuggingFacePresets, SubwordTokenizer):
    """Subword tokenizer for `LongformerBackbone`.

    Published checkpoints use RoBERTa's byte pairs; those converted from BERT or XLM-R
    use word pieces or sentence pieces. See `longkeras.text.SubwordTokenizer` for calls,
    results and ways to create it.

    Args:
        definition: str, the text of a Hugging Face `tokenizer.json`, or None to load
            it later. Defaults to `None`.
        start_token: str. Defaults to `"<s>"`.
        end_token: str. Defaults to `"</s>"`.
        separator_token: str. Stands between two texts. Defaults to `"</s>"`.
        pad_token: str. Defaults to `"<pad>"`.
        mask_token: str, or None if nothing is ever masked. Defaults to `"<mask>"`.
        unknown_token: str, or None. Defaults to `"<unk>"`.
        **kwargs: See `keras_hub.tokenizers.Tokenizer`.

    Example:

    ```python
    from longkeras.models import LongformerTokenizer

    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4}
    vocabulary |= {"a": 5, "b": 6, "ab": 7}
    tokenizer = LongformerTokenizer.from_byte_pair(vocabulary, ["a b"])
    assert tokenizer("abba").tolist() == [7, 6, 5]
    assert tokenizer.pack(tokenizer("ab")).token_ids.tolist() == [0, 7, 2]
    ```
    """

    backbone_cls = LongformerBackbone
