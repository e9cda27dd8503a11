"""Tiny vocabularies of each kind, trained in a moment on a mixed text."""

import io
import json

import sentencepiece
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizers.implementations import BertWordPieceTokenizer

CORPUS = [
    "The quick brown fox jumps over the lazy dog, and the dog does not mind.",
    "A Longformer reads long documents: thousands of tokens, one window at a time!",
    "话说天下大势，分久必合，合久必分。周末七国分争，并入于秦。",
    "naïve café, Ångström, ﬁne ½ ① \uff46\uff55\uff4c\uff4c width 👩‍🚀 🇨🇳 😀",
] * 3
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = [
    "",
    " ",
    "The fox reads documents.",
    "  two  spaces\tand\ttabs\n\nlines\r\n  ",
    "分久必合 and the dog，mixed中文text",
    "👩‍🚀🇨🇳😀 emoji👍🏽!",
    "naïve cafe\u0301 Ångström ﬁne ½ ① \uff46\uff55\uff4c\uff4c",
    "\u00a0nbsp\u2009thin\u3000wide\u200bzero\u2028line\ufeffbom",
    "tail\x00nul\x07bell\ufffd",
    "don't we'll I'M 12345 3.14 $#@!",
    "עברית العربية ไทย 한국어 \uff21\uff22\uff23",
    "İstanbul ß ẞ ǅ Σς",
]


def byte_pair_files():
    """(vocabulary, merges): a dict, and a list of pairs as lines."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=450,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [" ".join(pair) for pair in model["merges"]]


def word_pieces(lowercase=True):
    """A list of word pieces in the order of their ids."""
    tokenizer = BertWordPieceTokenizer(lowercase=lowercase)
    tokenizer.train_from_iterator(
        CORPUS, vocab_size=200, special_tokens=BERT_SPECIAL, show_progress=False
    )
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.get)


def sentence_piece_proto():
    """The bytes of a unigram model with XLM-R's normalization."""
    writer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=writer,
        vocab_size=90,
        model_type="unigram",
        normalization_rule_name="nmt_nfkc",
        minloglevel=2,
    )
    return writer.getvalue()
