"""Words, and the tokens that get their labels, against Hugging Face's tokenizers."""

import json

import numpy as np
import pytest

from longkeras.models import LongformerTokenClassifierPreprocessor, LongformerTokenizer
from tests.text.subword_samples import (
    CORPUS,
    byte_pair_files,
    sentence_piece_proto,
    word_pieces,
)

pytestmark = pytest.mark.parity("transformers")
SENTENCES = [text.split() for text in CORPUS[:4]]


def roberta(folder):
    vocabulary, merges = byte_pair_files()
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("\n".join(merges))
    # They take words only so.
    settings = json.dumps({"add_prefix_space": True})
    (folder / "tokenizer_config.json").write_text(settings)
    return "RobertaTokenizer"


def bert(folder):
    (folder / "vocab.txt").write_text("\n".join(word_pieces()))
    return "BertTokenizer"


def xlm_roberta(folder):
    (folder / "sentencepiece.bpe.model").write_bytes(sentence_piece_proto())
    return "XLMRobertaTokenizer"


@pytest.mark.parametrize("write", [roberta, bert, xlm_roberta])
def test_words_and_their_first_tokens_are_theirs(tmp_path, write):
    import transformers

    theirs = getattr(transformers, write(tmp_path)).from_pretrained(tmp_path)
    ours = LongformerTokenizer.from_huggingface_folder(tmp_path)
    made = LongformerTokenClassifierPreprocessor(ours)
    for words in SENTENCES:
        labels = list(range(1, len(words) + 1))
        x, y, weights = made([words], [labels])
        expected = theirs(words, is_split_into_words=True)
        count = len(expected["input_ids"])
        assert x["token_ids"][0, :count].tolist() == expected["input_ids"]
        assert x["padding_mask"].sum() == count
        word_ids = [-1 if i is None else i for i in expected.word_ids()]
        first = [i for i, word in enumerate(word_ids) if word not in word_ids[:i]]
        first = [i for i in first if word_ids[i] >= 0]
        assert np.flatnonzero(weights[0]).tolist() == first
        assert y[0, first].tolist() == [word_ids[i] + 1 for i in first]
