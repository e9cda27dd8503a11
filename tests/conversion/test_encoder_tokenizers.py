"""Tokenizers go along: the ids of KerasHub's and of the folder, Chinese too."""

import io
import json

import keras_hub
import numpy as np
import pytest

from longkeras.conversion import convert_to_long, from_huggingface
from longkeras.conversion.families.keras_hub import BERT
from longkeras.conversion.tensor_files.tensor_folder import write_tensors
from longkeras.conversion.to_long.keras_hub_models import longformer_tokenizer_of
from longkeras.models import (
    ExactBertBackbone,
    ExactBertMaskedLM,
    LongformerMaskedLM,
    LongformerTextClassifier,
)
from tests.conversion.small_encoders import (
    MASKED_LMS,
    TEXT_CLASSIFIERS,
    small_encoder,
    with_masks,
)
from tests.models.longformer.small_longformer import draw_weights, outputs_of

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORD_PIECES = [*SPECIAL, *"长文本有很多字，。", "long", "##er", "text", "##s", "!"]
# KerasHub turns the comma into ",", which the vocabulary does not have.
CHINESE = "长文本有很多字，Longer texts!"
WITHOUT_COMMA = CHINESE.replace("，", "")
TOKENS = "<s> <pad> </s> <unk> <mask> l o n g lo ng Ġ long Ġlong e r er"
BYTE_PAIRS = {token: i for i, token in enumerate(TOKENS.split())}
MERGES = ["l o", "n g", "lo ng", "Ġ long", "e r"]
WINDOW = 48


def bert_tokenizer():
    return keras_hub.models.BertTokenizer(WORD_PIECES, lowercase=True)


def sentence_pieces():
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(
            ["the longer text is 很长的 文本", "a text is long"] * 9
        ),
        model_writer=model,
        vocab_size=22,
        model_type="unigram",
        unk_id=0,
        bos_id=1,
        eos_id=2,
        minloglevel=9,
    )
    return model.getvalue()


def as_list(ids):
    return np.asarray(ids).tolist()


@pytest.mark.parametrize(
    ("theirs", "text", "special"),
    [
        (bert_tokenizer, WITHOUT_COMMA, "[MASK]"),
        (
            lambda: keras_hub.models.RobertaTokenizer(BYTE_PAIRS, MERGES),
            "longer long longer",
            "<mask>",
        ),
        (
            lambda: keras_hub.models.XLMRobertaTokenizer(sentence_pieces()),
            "a longer text is 很长的 文本",
            "<mask>",
        ),
    ],
    ids=["bert", "roberta", "xlm-roberta"],
)
def test_ids_are_those_of_kerashubs_tokenizer(theirs, text, special):
    theirs = theirs()
    ours = longformer_tokenizer_of(theirs)
    assert as_list(ours(text)) == as_list(theirs(text))
    assert ours.vocabulary_size() == theirs.vocabulary_size()
    for name in ("start", "end", "pad", "mask"):
        wanted = getattr(theirs, f"{name}_token_id")
        assert getattr(ours, f"{name}_token_id") == wanted
    assert ours.mask_token == special
    assert longformer_tokenizer_of(ours) is ours


def test_other_tokenizers_are_refused():
    with pytest.raises(ValueError, match="ByteTokenizer"):
        longformer_tokenizer_of(keras_hub.tokenizers.ByteTokenizer())


def test_a_chinese_masked_language_model_becomes_long_with_its_tokenizer():
    backbone = small_encoder("bert", vocabulary_size=len(WORD_PIECES))
    preprocessor = keras_hub.models.BertMaskedLMPreprocessor(
        bert_tokenizer(), sequence_length=24
    )
    short = MASKED_LMS["bert"](backbone, preprocessor)
    long = convert_to_long(short, 96, WINDOW)
    assert isinstance(long, LongformerMaskedLM)
    tokenizer = long.preprocessor.tokenizer
    assert (
        tokenizer.detokenize(tokenizer(CHINESE))
        == "长 文 本 有 很 多 字 ， longer texts!"
    )
    assert long.backbone.padding_id == tokenizer.pad_token_id == 0
    x, y, _ = long.preprocessor(["长文本有很多字。" * 11])
    assert np.shape(x["token_ids"])[1] > 24
    logits = outputs_of(long, x)
    assert logits.shape == (*np.shape(y), len(WORD_PIECES))


def test_a_chinese_classifier_says_of_a_text_what_the_short_one_said():
    backbone = small_encoder("bert", vocabulary_size=len(WORD_PIECES))
    preprocessor = keras_hub.models.BertTextClassifierPreprocessor(
        bert_tokenizer(), sequence_length=24
    )
    short = TEXT_CLASSIFIERS["bert"](backbone, 3, preprocessor)
    draw_weights(short)
    long = convert_to_long(short, 96, WINDOW)
    assert isinstance(long, LongformerTextClassifier)
    long.run_eagerly = short.run_eagerly = True
    texts = [WITHOUT_COMMA, "很多字"]
    np.testing.assert_allclose(
        long.predict(texts, verbose=0), short.predict(texts, verbose=0), atol=2e-5
    )


@pytest.fixture
def chinese_folder(tmp_path):
    """A Hugging Face folder as of Chinese BERT, and the model that it holds."""
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
    model = ExactBertMaskedLM(
        ExactBertBackbone(len(WORD_PIECES), max_sequence_length=24, **sizes)
    )
    draw_weights(model)
    mappings = [mapping.in_task() for mapping in BERT.weights(model.backbone)]
    mappings += BERT.head_for("masked_lm").weights
    write_tensors(tmp_path, [x.tensor_of(model) for x in mappings])
    config = {
        "architectures": ["BertForMaskedLM"],
        "model_type": "bert",
        "vocab_size": len(WORD_PIECES),
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 12,
        "max_position_embeddings": 24,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "vocab.txt").write_text("\n".join(WORD_PIECES) + "\n", "utf-8")
    return tmp_path, model


def test_a_chinese_folder_is_read_whole(chinese_folder):
    folder, model = chinese_folder
    short = from_huggingface(folder)
    long = convert_to_long(folder, 96, WINDOW)
    assert isinstance(short, MASKED_LMS["bert"])
    ids = as_list(short.preprocessor.tokenizer(WITHOUT_COMMA))
    assert ids == as_list(long.preprocessor.tokenizer(WITHOUT_COMMA))
    assert WORD_PIECES.index("[UNK]") not in as_list(
        long.preprocessor.tokenizer(CHINESE)
    )
    ones = np.ones((2, 17), "int32")
    token_ids = np.random.default_rng(0).integers(5, len(WORD_PIECES), size=(2, 17))
    inputs = {"token_ids": token_ids, "padding_mask": ones, "segment_ids": 0 * ones}
    inputs = with_masks(inputs)
    expected = outputs_of(model, inputs)
    for read in (short, long):
        np.testing.assert_allclose(outputs_of(read, inputs), expected, atol=2e-5)
