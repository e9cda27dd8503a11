"""Longformer that predicts masked tokens."""

import keras
import keras_hub

from longkeras.models.longformer.task import LongformerPreprocessor, LongformerTask
from longkeras.models.text_tasks.masked_lm import MaskedLM, MaskedLMPreprocessor
from longkeras.models.text_tasks.row_packing import pack_rows
from longkeras.text.pipeline import plain_values


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerMaskedLMPreprocessor(LongformerPreprocessor, MaskedLMPreprocessor):
    """Tokenizes texts, pads them, and masks some tokens to be predicted.

    No token is global. Special tokens are neither masked nor used as replacements. Of
    n ordinary tokens, `mask_selection_rate` · n are selected, at least one. With a
    `seed`, a new preprocessor makes the same choices for the same texts in the same
    order, in batches of any size; a parallel `tf.data` map has no order.

    Longer texts are cut, with a warning; `report` counts the tokens that are dropped,
    and `windows` splits a text of any length. `packed_rows` puts several short texts
    into one row.

    Args:
        tokenizer: `longkeras.models.LongformerTokenizer`.
        sequence_length: int. The length to pad and cut to. Defaults to `None`: the
            longest of the batch, rounded up to a multiple of 64.
        truncate: str; see `LongformerTextClassifierPreprocessor`. Defaults to
            `"round_robin"`.
        max_sequence_length: int. Where texts are cut otherwise. Defaults to `4096`.
        mask_selection_rate: float. The share of tokens to predict. Defaults to `0.15`.
        mask_selection_length: int. The most tokens to predict in a text. Defaults to
            `None`: the share of the padded length.
        mask_token_rate: float. How often a selected token becomes the mask. Defaults to
            `0.8`.
        random_token_rate: float. How often it becomes another token; otherwise it is
            kept. Defaults to `0.1`.
        seed: int. Defaults to `None`, drawn at random.
        **kwargs: See `keras_hub.models.MaskedLMPreprocessor`.

    Call arguments:
        x: as for `LongformerTextClassifierPreprocessor`; then targets are made here. Or
            ids with `mask_positions` `(batch, masks)`, of which nothing is masked: this
            is how masks are filled in.
        y: None, or with `mask_positions` the original ids, passed on. Defaults to
            `None`.
        sample_weight: float `(batch,)`, weights of whole texts; or with
            `mask_positions` passed on. Defaults to `None`.

    Returns:
        (x, y, sample_weight): the dict of `LongformerTextClassifierPreprocessor` with
        int32 `mask_positions` `(batch, masks)`; the original ids, int32
        `(batch, masks)`; and float32 weights, 0 where a text has fewer masks. For given
        `mask_positions` the dict, in a tuple if there is `y`.

    Raises:
        ValueError: If a length, `truncate` or a rate is invalid, or targets are given
            for texts.

    Example:

    ```python
    from longkeras.models import LongformerMaskedLMPreprocessor, LongformerTokenizer

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "to", "be", "or", "not"]
    preprocessor = LongformerMaskedLMPreprocessor(
        LongformerTokenizer.from_word_piece(vocabulary),
        sequence_length=8, mask_selection_rate=0.5, mask_token_rate=1.0,
        random_token_rate=0.0, seed=1,
    )
    x, y, sample_weight = preprocessor("to be or not to be")
    hidden = x["token_ids"][x["mask_positions"]]
    assert hidden[sample_weight == 1].tolist() == [4, 4, 4]
    ```
    """

    def packed_rows(self, texts):
        """Texts packed into few rows of ids, to be given to `fit` in their place.

        A model reads each text of a row as if it stood alone, and masks are drawn anew
        in every epoch. The order of the texts is not kept.

        Args:
            texts: as `x` of a call, strings or pairs of them.

        Returns:
            dict of int32 arrays `(rows, sequence)`: the inputs of
            `LongformerBackbone`, with `document_ids` from 1 in each row and 0 at
            padding.

        Example:

        ```python
        from longkeras.models import LongformerMaskedLMPreprocessor, LongformerTokenizer

        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "to", "be", "or", "not"]
        preprocessor = LongformerMaskedLMPreprocessor(
            LongformerTokenizer.from_word_piece(words), sequence_length=8
        )
        rows = preprocessor.packed_rows(["to be", "not to be or", "or"])
        assert rows["document_ids"].tolist() == [
            [1, 1, 1, 1, 1, 1, 0, 0],
            [1, 1, 1, 1, 2, 2, 2, 0],
        ]
        ```
        """
        rows = self.rows(plain_values(texts))
        return self.inputs_of(pack_rows(rows, self.longest), {})


@keras.saving.register_keras_serializable(package="longkeras")
class LongformerMaskedLM(MaskedLM, LongformerTask, keras_hub.models.MaskedLM):
    """Predicts masked tokens, as Longformer is trained on plain text.

    Without a `global_attention_mask` no token is global, so the projections of global
    tokens are not trained: `backbone.copy_projections_to_global()` copies the trained
    ones. The head is that of Hugging Face's `LongformerForMaskedLM`.

    Args:
        backbone: `longkeras.models.LongformerBackbone`. Its `tie_embedding_weights`
            says whether the output projection is the token embedding.
        preprocessor: `longkeras.models.LongformerMaskedLMPreprocessor`, or None if
            inputs are given as ids. Defaults to `None`.
        head_activation: Activation of the head. Defaults to `"gelu"`, as in Hugging
            Face's head, whatever the activation of the layers.
        head_layer_norm_epsilon: float. Defaults to `None`, that of the backbone.
        **kwargs: See `keras_hub.models.MaskedLM`.

    Call arguments:
        inputs: those of `LongformerBackbone`, and `mask_positions`, int
            `(batch, masks)`: where to predict.

    Returns:
        Logits `(batch, masks, vocabulary_size)`.

    Example:

    ```python
    import numpy as np
    from longkeras.models import LongformerBackbone, LongformerMaskedLM

    backbone = LongformerBackbone(
        vocabulary_size=100, num_layers=1, num_heads=2, hidden_dim=16,
        intermediate_dim=32, attention_window=8, max_sequence_length=64,
    )
    inputs = {
        "token_ids": np.full((2, 40), 7),
        "mask_positions": np.array([[1, 5, 9]] * 2),
    }
    logits = LongformerMaskedLM(backbone)(inputs)
    assert tuple(logits.shape) == (2, 3, 100)
    ```

    Reference:
        [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
    """

    preprocessor_cls = LongformerMaskedLMPreprocessor
