"""Where subword tokenizers come from: folders of Hugging Face's, and vocabularies."""

from typing import Any

from longkeras.text import subword_definition, subword_folder
from longkeras.text.subword_definition import (
    BERT_TOKENS,
    ROBERTA_TOKENS,
    WORD_TOKENS,
    SpecialTokens,
)


class SubwordSources:
    """The classmethods that make a `SubwordTokenizer`."""

    @classmethod
    def from_huggingface_folder(cls, folder, **kwargs):
        """Reads the tokenizer that a Hugging Face model folder holds.

        Takes `tokenizer.json`, else `vocab.json` with `merges.txt`, else
        `sentencepiece.bpe.model`, else `vocab.txt`; the names of special tokens come
        from `tokenizer_config.json` and `special_tokens_map.json`.

        Args:
            folder: str or path.
            **kwargs: See the class; what is given here wins.

        Returns:
            The tokenizer.

        Raises:
            ValueError: If the folder holds no tokenizer that can be read.
        """
        definition, special = subword_folder.read_folder(folder)
        return cls._of(definition, special, kwargs)

    @classmethod
    def from_byte_pair(cls, vocabulary, merges, add_prefix_space=False, **kwargs):
        """Makes a byte-level pair tokenizer, as of GPT-2 and RoBERTa.

        A space before `<mask>` belongs to it, as in RoBERTa's own tokenizer.json.

        Args:
            vocabulary: dict from token to id, bytes written as in `vocab.json`.
            merges: list of `"left right"` or of pairs, best first.
            add_prefix_space: bool. Whether a text begins as if a space stood before
                it. Defaults to `False`.
            **kwargs: See the class; special tokens are RoBERTa's by default.

        Returns:
            The tokenizer.
        """
        special = _taken(kwargs, ROBERTA_TOKENS)
        definition = subword_definition.byte_pair_definition(
            vocabulary, merges, special, add_prefix_space
        )
        return cls._of(definition, special, kwargs)

    @classmethod
    def from_word_piece(
        cls,
        vocabulary,
        lowercase=True,
        strip_accents=None,
        split_chinese=True,
        **kwargs,
    ):
        """Makes a word-piece tokenizer, as of BERT.

        Args:
            vocabulary: list of tokens in the order of their ids, or dict from token
                to id.
            lowercase: bool. Whether text is lowercased. Defaults to `True`.
            strip_accents: bool. Whether accents are taken off. Defaults to `None`, as
                `lowercase`.
            split_chinese: bool. Whether each Chinese character is a word. Defaults to
                `True`.
            **kwargs: See the class; special tokens are BERT's by default.

        Returns:
            The tokenizer.
        """
        special = _taken(kwargs, BERT_TOKENS)
        definition = subword_definition.word_piece_definition(
            vocabulary, special, lowercase, strip_accents, split_chinese
        )
        return cls._of(definition, special, kwargs)

    @classmethod
    def from_sentence_piece(cls, proto, **kwargs):
        """Makes a sentence-piece tokenizer with the ids of fairseq, as of XLM-R.

        Args:
            proto: bytes, the content of `sentencepiece.bpe.model`, or its path.
            **kwargs: See the class; special tokens are XLM-R's by default.

        Returns:
            The tokenizer.
        """
        if not isinstance(proto, bytes):
            with open(proto, "rb") as file:
                proto = file.read()
        special = _taken(kwargs, ROBERTA_TOKENS)
        definition = subword_definition.sentence_piece_definition(proto, special)
        return cls._of(definition, special, kwargs)

    @classmethod
    def from_words(cls, words, lowercase=False, split_punctuation=False, **kwargs):
        """Makes a tokenizer of whole words; those that are not known are one token.

        As corpora such as WikiText and the Penn Treebank are read, whose words stand
        apart already. Text comes back with a space between any two words.

        Args:
            words: list of str, such as `longkeras.text.frequent_words` gives.
            lowercase: bool. Whether text is lowercased before its words are looked up.
                It is part of the `definition`, and saved with it. Defaults to `False`.
            split_punctuation: bool. Whether punctuation marks are words, and not parts
                of them. Defaults to `False`.
            **kwargs: See the class; special tokens are `<s>`, `<pad>`, `</s>`, `<unk>`,
                in the order of their ids, and no mask by default.

        Returns:
            The tokenizer.
        """
        special = _taken(kwargs, WORD_TOKENS)
        definition = subword_definition.word_definition(
            words, special, lowercase, split_punctuation
        )
        return cls._of(definition, special, kwargs)

    @classmethod
    def _of(
        cls: Any, definition: str, special: SpecialTokens, kwargs: dict[str, Any]
    ) -> Any:
        names = {f"{name}_token": value for name, value in vars(special).items()}
        return cls(definition, **{**names, **kwargs})


def _taken(kwargs: dict[str, Any], default: SpecialTokens) -> SpecialTokens:
    """The special tokens that are given, taken out, and the default for the others."""
    names = {
        name: kwargs.pop(f"{name}_token", value)
        for name, value in vars(default).items()
    }
    return SpecialTokens(**names)
