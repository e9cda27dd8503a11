"""KerasHub's tokenizers of RoBERTa, BERT and XLM-R as Longformer's."""

from typing import Any

import keras_hub

from longkeras.models import LongformerTokenizer


def longformer_tokenizer_of(tokenizer: Any) -> Any:
    """The tokenizer with the same ids.

    Args:
        tokenizer: `keras_hub.models.RobertaTokenizer`, `BertTokenizer` or
            `XLMRobertaTokenizer`, or `LongformerTokenizer`, which is given back.

    Returns:
        `longkeras.models.LongformerTokenizer`.

    Raises:
        ValueError: If it is another, or has no vocabulary.
    """
    if isinstance(tokenizer, LongformerTokenizer):
        return tokenizer
    if isinstance(tokenizer, keras_hub.models.RobertaTokenizer):
        vocabulary = tokenizer.vocabulary
        return LongformerTokenizer.from_byte_pair(
            vocabulary,
            tokenizer.merges,
            add_prefix_space=tokenizer.add_prefix_space,
            unknown_token="<unk>" if "<unk>" in vocabulary else None,
        )
    if isinstance(tokenizer, keras_hub.models.BertTokenizer):
        return LongformerTokenizer.from_word_piece(
            tokenizer.get_vocabulary(),
            lowercase=tokenizer.lowercase,
            strip_accents=tokenizer.strip_accents,
            split_chinese=tokenizer.split_on_cjk,
        )
    if isinstance(tokenizer, keras_hub.models.XLMRobertaTokenizer):
        return LongformerTokenizer.from_sentence_piece(tokenizer.proto)
    raise ValueError(
        "`tokenizer` must be KerasHub's of RoBERTa, BERT or XLM-R. "
        f"Received: tokenizer={type(tokenizer).__name__}"
    )
