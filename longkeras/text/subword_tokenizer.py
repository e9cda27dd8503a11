"""Subword tokenizer: byte-level BPE, WordPiece or SentencePiece, with offsets."""

import os
from typing import Any

import keras
import keras_hub
import numpy as np

from longkeras.atomic_files import AtomicPreset
from longkeras.text.pipeline import (
    ArraySpec,
    is_tracing,
    plain_values,
    ragged_rows,
    rank_of,
    through_numpy,
)
from longkeras.text.subword_definition import SpecialTokens, parsed
from longkeras.text.subword_offsets import OffsetReader
from longkeras.text.subword_rows import Template, read_template
from longkeras.text.subword_sources import SubwordSources
from longkeras.text.windows import subword_windows

DEFINITION_FILE = "subword_definition.json"


def _id_of(name, role):
    """The property with the id of a special token."""
    return property(
        lambda tokenizer: tokenizer._special_id(getattr(tokenizer, name)),
        doc=f"int, the id of the token that {role}.",
    )


@keras.saving.register_keras_serializable(package="longkeras")
class SubwordTokenizer(SubwordSources, AtomicPreset, keras_hub.tokenizers.Tokenizer):
    """A subword tokenizer with Hugging Face's ids and with character offsets.

    Reads byte-level BPE (RoBERTa, Longformer, LED), WordPiece (BERT) and SentencePiece
    (XLM-R) through the `tokenizers` library, from a Hugging Face folder
    (`from_huggingface_folder`) or from a vocabulary (`from_byte_pair`,
    `from_word_piece`, `from_sentence_piece`). Works with or without TensorFlow, and
    inside `tf.data`, which then calls Python, so that the pipeline cannot leave its
    process.

    `tokenize` adds no start or end; `pack` does. Text that looks like a special token,
    such as `"</s>"`, becomes that token, as in Hugging Face: remove it from untrusted
    text.

    Args:
        definition: str, the text of a Hugging Face `tokenizer.json`, or None to load
            it later (`load_assets`). It is saved as a file beside the configuration.
            Defaults to `None`.
        start_token: str. Defaults to `"<s>"`.
        end_token: str. Defaults to `"</s>"`.
        separator_token: str. Separates two texts. Defaults to `"</s>"`.
        pad_token: str. Defaults to `"<pad>"`.
        mask_token: str, or None if nothing is ever masked. Defaults to `"<mask>"`.
        unknown_token: str, or None. Defaults to `"<unk>"`.
        **kwargs: See `keras_hub.tokenizers.Tokenizer`.

    Call arguments:
        inputs: a string, a list of strings, or a tensor of strings.

    Returns:
        The ids, int32: an array `(length,)` for one string, a list of arrays for
        several; inside `tf.data` a tensor and a ragged tensor.

    Raises:
        ValueError: If the vocabulary lacks a special token.

    Example:

    ```python
    from longkeras.text import SubwordTokenizer

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "long", "##er", "text"]
    tokenizer = SubwordTokenizer.from_word_piece(vocabulary)
    assert tokenizer("Longer text").tolist() == [5, 6, 7]
    ids, offsets = tokenizer.tokenize_with_offsets("Longer text")
    assert offsets.tolist() == [[0, 4], [4, 6], [7, 11]]
    assert tokenizer.detokenize(ids) == "longer text"
    ```

    Reference:
        [Neural Machine Translation of Rare Words with Subword
        Units](https://arxiv.org/abs/1508.07909)
    """

    def __init__(
        self,
        definition=None,
        start_token="<s>",
        end_token="</s>",
        separator_token="</s>",
        pad_token="<pad>",
        mask_token="<mask>",
        unknown_token="<unk>",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.start_token = start_token
        self.end_token = end_token
        self.separator_token = separator_token
        self.pad_token = pad_token
        self.mask_token = mask_token
        self.unknown_token = unknown_token
        self.file_assets = [DEFINITION_FILE]
        self._definition: Any = None
        if definition is not None:
            self.set_definition(definition)
        # There are no weights to build; a model may be quantized before its first text.
        self.built = True

    def set_definition(self, definition):
        """Replaces the vocabulary.

        Args:
            definition: str, the text of a Hugging Face `tokenizer.json`.

        Raises:
            ValueError: If it lacks a special token.
        """
        rust = parsed(definition)
        rust.no_truncation()
        rust.no_padding()
        special = self.special_names
        ids = {name: rust.token_to_id(name) for name in special.names()}
        missing = [name for name, i in ids.items() if i is None]
        if missing:
            raise ValueError(
                "`definition` must hold every special token. Received: a vocabulary "
                f"without {missing}"
            )
        template = read_template(definition, special)
        for part in (*template.single, *template.pair):
            if part.token is not None:
                ids[part.token] = rust.token_to_id(part.token)
        self._definition = definition
        self._rust = rust
        self._offsets = OffsetReader(rust, definition)
        self._ids = ids
        self._template = template
        self._size = 1 + max(rust.get_vocab(with_added_tokens=True).values())

    @property
    def definition(self) -> str:
        """str, the text of a Hugging Face `tokenizer.json` for these ids."""
        self._backend()
        return self._definition

    @property
    def special_names(self) -> SpecialTokens:
        """`SpecialTokens`, the names of start, end and so on."""
        return SpecialTokens(
            self.start_token,
            self.end_token,
            self.separator_token,
            self.pad_token,
            self.mask_token,
            self.unknown_token,
        )

    @property
    def template(self) -> Template:
        """The positions of special tokens around one text or two."""
        self._backend()
        return self._template

    @property
    def special_tokens(self):
        """list of str, the names of all special tokens."""
        return self.special_names.names()

    @property
    def special_token_ids(self):
        """list of int, the ids of all special tokens."""
        return [self._special_id(name) for name in self.special_tokens]

    start_token_id = _id_of("start_token", "begins a text")
    end_token_id = _id_of("end_token", "ends a text")
    separator_token_id = _id_of("separator_token", "separates two texts")
    pad_token_id = _id_of("pad_token", "fills up a row")
    mask_token_id = _id_of("mask_token", "masks another, or None")
    unknown_token_id = _id_of("unknown_token", "replaces unknown text, or None")

    def call(self, inputs, *args, training=None, **kwargs):
        return self.tokenize(inputs, *args, **kwargs)

    def tokenize(self, inputs):
        """Strings to ids, without start or end.

        Args:
            inputs: a string, a list of strings, or a tensor of strings.

        Returns:
            See the class.
        """
        if is_tracing():
            return self._tokenize_in_graph(inputs)
        texts = plain_values(inputs)
        if isinstance(texts, str):
            return self._encoded([texts])[0]
        return self._encoded(texts)

    def tokenize_with_offsets(self, text):
        """Ids of one string, and the characters that each represents.

        Args:
            text: str.

        Returns:
            (token_ids, offsets), int32 arrays `(length,)` and `(length, 2)`: token
            `i` represents `text[offsets[i, 0] : offsets[i, 1]]`. Several tokens of
            one character have the same offsets; a token of several characters, such
            as a letter and its accents, has all of them. The offsets of a space that
            the tokenizer inserts are empty or those of the next character.
        """
        self._backend()
        token_ids, offsets = self._offsets.read(plain_values(text))
        return np.array(token_ids, dtype=np.int32), offsets

    def windows(self, text, window, stride=None):
        """Cuts a long text; see `longkeras.text.subword_windows`."""
        return subword_windows(self, text, window, stride)

    def pack(self, first, second=None):
        """Ids of one or two texts as a row with start, separators and end.

        Args:
            first: int array `(length,)`, as returned by `tokenize`.
            second: the same of another text. Defaults to `None`.

        Returns:
            An object with `token_ids` and `segment_ids`, int32 arrays `(length,)`, and
            `starts`, the positions of each text's first token.
        """
        texts = [first] if second is None else [first, second]
        self._backend()
        rows = [np.asarray(text, dtype=np.int32) for text in texts]
        return self._template.packed(rows, self._ids)

    def detokenize(self, inputs, skip_special_tokens=True):
        """Ids to strings.

        Args:
            inputs: ids of one or several texts; lists, arrays or tensors.
            skip_special_tokens: bool. Whether special tokens are left out. Defaults
                to `True`.

        Returns:
            A string, or a list of strings.

        Raises:
            ValueError: If an id is not in the vocabulary.
        """
        rows = plain_values(inputs)
        single = rank_of(rows) < 2
        rows = [rows] if single else rows
        known = range(self.vocabulary_size())
        wrong = [i for row in rows for i in row if i not in known]
        if wrong:
            raise ValueError(
                f"`inputs` must be ids from 0 to {len(known) - 1}. Received: {wrong[0]}"
            )
        texts = self._backend().decode_batch(
            rows, skip_special_tokens=skip_special_tokens
        )
        return texts[0] if single else texts

    def get_vocabulary(self):
        """Every token with its id, as a dict."""
        return self._backend().get_vocab(with_added_tokens=True)

    def vocabulary_size(self):
        """The number of ids: the largest id plus one."""
        self._backend()
        return self._size

    def id_to_token(self, id):
        """The token of an id."""
        token = self._backend().id_to_token(id) if id >= 0 else None
        if token is None:
            raise ValueError(f"`id` must be in the vocabulary. Received: id={id}")
        return token

    def token_to_id(self, token):
        """The id of a token."""
        token_id = self._backend().token_to_id(token)
        if token_id is None:
            raise ValueError(
                f"`token` must be in the vocabulary. Received: token={token!r}"
            )
        return token_id

    def save_assets(self, dir_path):
        """Writes the definition as a file."""
        path = os.path.join(dir_path, DEFINITION_FILE)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.definition)

    def load_assets(self, dir_path):
        """Reads the definition from its file."""
        path = os.path.join(dir_path, DEFINITION_FILE)
        with open(path, encoding="utf-8") as file:
            self.set_definition(file.read())

    def get_config(self):
        names = {f"{name}_token": x for name, x in vars(self.special_names).items()}
        return {**super().get_config(), **names}

    def _backend(self):
        if self._definition is None:
            raise ValueError(
                "`definition` must be given, or loaded with `load_assets`, before the "
                "tokenizer is used. Received: definition=None"
            )
        return self._rust

    def _special_id(self, name):
        self._backend()
        return None if name is None else self._ids[name]

    def _encoded(self, texts):
        rows = self._backend().encode_batch_fast(texts, add_special_tokens=False)
        return [np.array(row.ids, dtype=np.int32) for row in rows]

    def _tokenize_in_graph(self, inputs):
        def flat(texts):
            rows = self._encoded(plain_values(texts))
            lengths = np.array([len(row) for row in rows])
            return np.concatenate([np.zeros(0, np.int32), *rows]), lengths

        def one(text):
            return self._encoded([plain_values(text)])[0]

        if rank_of(inputs) == 0:
            return through_numpy(one, inputs, ArraySpec("int32", (None,)))
        rows = inputs.shape[0]
        specs = (ArraySpec("int32", (None,)), ArraySpec("int64", (rows,)))
        return ragged_rows(*through_numpy(flat, inputs, specs))
