"""A subword tokenizer wherever it is used: called, mapped, saved, copied."""

import copy
import json
import pickle

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st
from keras import ops

from longkeras.text import SubwordTokenizer
from tests.text.subword_samples import (
    CORPUS,
    TEXTS,
    byte_pair_files,
    sentence_piece_proto,
    word_pieces,
)

MAKERS = {
    "byte_pair": lambda: SubwordTokenizer.from_byte_pair(*byte_pair_files()),
    "word_piece": lambda: SubwordTokenizer.from_word_piece(word_pieces()),
    "sentence_piece": lambda: SubwordTokenizer.from_sentence_piece(
        sentence_piece_proto()
    ),
}


@pytest.fixture(scope="module", params=MAKERS)
def tokenizer(request):
    return MAKERS[request.param]()


@pytest.fixture(scope="module")
def byte_pairs():
    return MAKERS["byte_pair"]()


def lists(rows):
    return [row.tolist() for row in rows]


def test_a_batch_is_its_rows(tokenizer):
    assert lists(tokenizer(TEXTS)) == [tokenizer(text).tolist() for text in TEXTS]
    assert tokenizer(TEXTS[2]).dtype == np.int32


def test_strings_may_come_as_an_array(tokenizer):
    assert lists(tokenizer(np.array(TEXTS))) == lists(tokenizer(TEXTS))
    encoded = [text.encode() for text in TEXTS]
    assert lists(tokenizer(encoded)) == lists(tokenizer(TEXTS))


def test_a_pipeline_gives_the_same(tokenizer):
    tf = pytest.importorskip("tensorflow")
    expected = lists(tokenizer(TEXTS))
    dataset = tf.data.Dataset.from_tensor_slices(TEXTS)
    singles = dataset.map(tokenizer)
    assert singles.element_spec.shape.rank == 1
    assert [row.numpy().tolist() for row in singles] == expected
    batches = dataset.batch(5).map(tokenizer, num_parallel_calls=2)
    assert [row for batch in batches for row in batch.to_list()] == expected
    assert lists(tokenizer(tf.constant(TEXTS))) == expected


def test_offsets_are_characters_of_the_text(tokenizer):
    for text in TEXTS + CORPUS:
        ids, offsets = tokenizer.tokenize_with_offsets(text)
        assert ids.tolist() == tokenizer(text).tolist()
        assert offsets.shape == (len(ids), 2)
        assert (offsets >= 0).all() and (offsets <= len(text)).all()
        assert (offsets[:, 0] <= offsets[:, 1]).all()


@pytest.mark.parametrize("text", ["👩‍🚀 fox", "中文 fox", "café fox"])
def test_offsets_behind_long_characters_still_fit(tokenizer, text):
    _, offsets = tokenizer.tokenize_with_offsets(text)
    first = next(start for start, _ in offsets if text[start:].lstrip() == "fox")
    assert text[first : offsets[-1, 1]].strip() == "fox"


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_from_byte_pairs(byte_pairs, text):
    hypothesis.assume(not any(name in text for name in byte_pairs.special_tokens))
    assert byte_pairs.detokenize(byte_pairs(text)) == text


@pytest.mark.parametrize("kind", [list, np.array, ops.array])
def test_ids_of_any_kind_become_text(byte_pairs, kind):
    ids = byte_pairs("the dog").tolist()
    assert byte_pairs.detokenize(kind(ids)) == "the dog"
    assert byte_pairs.detokenize(kind([ids, ids])) == ["the dog"] * 2
    packed = byte_pairs.pack(ids).token_ids
    assert byte_pairs.detokenize(packed) == "the dog"
    text = byte_pairs.detokenize(packed, skip_special_tokens=False)
    assert text == "<s>the dog</s>"


def test_ids_and_tokens_are_one_to_one(tokenizer):
    vocabulary = tokenizer.get_vocabulary()
    assert len(vocabulary) == tokenizer.vocabulary_size()
    for token, i in vocabulary.items():
        assert tokenizer.token_to_id(token) == i
        assert tokenizer.id_to_token(i) == token


def test_a_text_that_looks_like_a_special_token_is_that_token(tokenizer):
    for token, i in zip(
        tokenizer.special_tokens, tokenizer.special_token_ids, strict=True
    ):
        assert i in tokenizer(f"a {token} b").tolist()


def test_two_texts_have_two_separators_or_two_segments():
    roberta = MAKERS["byte_pair"]()
    row = roberta.pack([10, 11], [12])
    assert row.token_ids.tolist() == [0, 10, 11, 2, 2, 12, 2]
    assert row.segment_ids.tolist() == [0] * 7
    assert row.starts == (1, 5)
    row = MAKERS["word_piece"]().pack([10, 11], [12])
    assert row.token_ids.tolist() == [2, 10, 11, 3, 12, 3]
    assert row.segment_ids.tolist() == [0, 0, 0, 0, 1, 1]


def test_a_preset_brings_the_vocabulary_back(tokenizer, tmp_path):
    tokenizer.save_to_preset(str(tmp_path))
    found = json.loads((tmp_path / "tokenizer.json").read_text())
    assert found["registered_name"] == "longkeras>SubwordTokenizer"
    assert "definition" not in found["config"]
    again = SubwordTokenizer.from_config(found["config"])
    again.load_preset_assets(str(tmp_path))
    assert_same(again, tokenizer)


def test_copies_and_pickles_tokenize_the_same(tokenizer):
    assert_same(copy.deepcopy(tokenizer), tokenizer)
    assert_same(pickle.loads(pickle.dumps(tokenizer)), tokenizer)


def test_a_model_file_holds_the_vocabulary(tokenizer, tmp_path):
    class Reader(keras.Model):
        def __init__(self, tokenizer, **kwargs):
            super().__init__(**kwargs)
            self.tokenizer = tokenizer

        def get_config(self):
            return {"tokenizer": keras.saving.serialize_keras_object(self.tokenizer)}

        @classmethod
        def from_config(cls, config):
            return cls(keras.saving.deserialize_keras_object(config["tokenizer"]))

    path = tmp_path / "reader.keras"
    reader = Reader(tokenizer)
    reader.built = True
    reader.save(path)
    again = keras.saving.load_model(path, custom_objects={"Reader": Reader})
    assert_same(again.tokenizer, tokenizer)


def assert_same(one, other):
    assert one.definition == other.definition
    assert one.get_config() == other.get_config()
    assert lists(one(TEXTS)) == lists(other(TEXTS))
    assert one.special_token_ids == other.special_token_ids
    assert one.built


def test_a_folder_of_kerashub_is_told_apart(tmp_path):
    vocabulary, merges = byte_pair_files()
    (tmp_path / "tokenizer.json").write_text('{"registered_name": "keras_hub>X"}')
    with pytest.raises(ValueError, match=r"`folder` must hold tokenizer\.json"):
        SubwordTokenizer.from_huggingface_folder(tmp_path)
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("\n".join(merges))
    ours = SubwordTokenizer.from_huggingface_folder(tmp_path)
    assert lists(ours(TEXTS)) == lists(MAKERS["byte_pair"]()(TEXTS))


def test_settings_of_a_folder_are_heeded(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(["Fox", "fox", "[UNK]", *"ABC<>"]))
    settings = {
        "do_lower_case": False,
        "cls_token": {"content": "<", "__type": "AddedToken"},
        "sep_token": ">",
        "pad_token": "A",
        "mask_token": "B",
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    ours = SubwordTokenizer.from_huggingface_folder(tmp_path)
    assert ours("Fox fox").tolist() == [0, 1]
    assert ours.pack([0]).token_ids.tolist() == [6, 0, 7]
    assert (ours.pad_token_id, ours.mask_token_id) == (3, 4)


def test_tokens_that_a_folder_adds_get_their_ids(tmp_path):
    vocabulary, merges = byte_pair_files()
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("\n".join(merges))
    size = len(vocabulary)
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<doc>": size}))
    ours = SubwordTokenizer.from_huggingface_folder(tmp_path)
    assert ours("<doc>").tolist() == [size]
    assert ours.vocabulary_size() == size + 1
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<doc>": size + 1}))
    with pytest.raises(ValueError, match="`tokens` must continue the ids"):
        SubwordTokenizer.from_huggingface_folder(tmp_path)


def test_named_tokens_that_are_not_marked_are_read_in_a_text_all_the_same(tmp_path):
    content = json.loads(MAKERS["byte_pair"]().definition)
    content["added_tokens"] = []
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    ours = SubwordTokenizer.from_huggingface_folder(tmp_path)
    assert ours("<s>").tolist() == [0]
    assert ours.detokenize([0]) == ""


def test_a_sentence_piece_model_of_another_family_is_refused(tmp_path):
    (tmp_path / "spiece.model").write_bytes(sentence_piece_proto())
    assert SubwordTokenizer.from_huggingface_folder(tmp_path)("a dog").any()
    settings = json.dumps({"tokenizer_class": "T5Tokenizer"})
    (tmp_path / "tokenizer_config.json").write_text(settings)
    with pytest.raises(ValueError, match="tokenizer_class='T5Tokenizer'"):
        SubwordTokenizer.from_huggingface_folder(tmp_path)
    # A complete definition beside it needs no such file.
    (tmp_path / "tokenizer.json").write_text(MAKERS["byte_pair"]().definition)
    assert SubwordTokenizer.from_huggingface_folder(tmp_path)("a dog").any()


@pytest.mark.parametrize(
    "changes", [{"type": "Nowhere"}, {"merges": [["a", "nowhere"]]}, {"vocab": 1}]
)
def test_a_definition_of_another_form_is_refused(changes):
    content = json.loads(MAKERS["byte_pair"]().definition)
    content["model"].update(changes)
    with pytest.raises(ValueError, match=r"must be a valid `tokenizer\.json`"):
        SubwordTokenizer(json.dumps(content))


def test_what_cannot_be_is_refused(byte_pairs):
    with pytest.raises(ValueError, match=r"without .*nowhere"):
        SubwordTokenizer(byte_pairs.definition, mask_token="<nowhere>")
    with pytest.raises(ValueError, match="`definition` must be given"):
        SubwordTokenizer()("text")
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        byte_pairs("a\ud800")
    with pytest.raises(ValueError, match="Text must be UTF-8"):
        byte_pairs([b"\xff"])
    with pytest.raises(ValueError, match="`inputs` must be ids from 0"):
        byte_pairs.detokenize([byte_pairs.vocabulary_size()])
    with pytest.raises(ValueError, match="`token` must be in the vocabulary"):
        byte_pairs.token_to_id("nowhere")
    with pytest.raises(ValueError, match="`id` must be in the vocabulary"):
        byte_pairs.id_to_token(-1)


def test_a_special_token_outside_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"must hold every special token.*\[SEP\]"):
        SubwordTokenizer.from_word_piece(["[PAD]", "[UNK]", "[CLS]", "[MASK]"])


def test_a_byte_order_mark_is_no_part_of_a_vocabulary(tmp_path):
    pieces = word_pieces()
    (tmp_path / "vocab.txt").write_text("\n".join(pieces), "utf-8-sig")
    (tmp_path / "tokenizer_config.json").write_text("{}", "utf-8-sig")
    ours = SubwordTokenizer.from_huggingface_folder(tmp_path)
    assert ours.definition == SubwordTokenizer.from_word_piece(pieces).definition
