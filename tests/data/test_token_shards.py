"""A corpus on the disk gives the windows of one in memory, packed ones too."""

import errno
import json
import os
import resource

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longkeras.data import Book, ByteCorpus, TokenShards, book_ids, write_token_shards
from longkeras.data.token_shards import MANIFEST
from longkeras.data.window_stream import BookShelf, IndexPermutation, WindowStream

TEXTS = ["It was a dark and stormy night. " * 7, "x", "Call me Ishmael.", "话说" * 30]


def shards_of(texts, folder, tokens_per_shard=20):
    documents = map(book_ids, texts)
    write_token_shards(documents, folder, 259, tokens_per_shard=tokens_per_shard)
    return TokenShards(folder)


@pytest.fixture
def shards(tmp_path):
    return shards_of(TEXTS, tmp_path / "shards")


def same(first, second):
    (inputs, *rest), (others, *more) = first, second
    assert inputs.keys() == others.keys()
    pairs = [(inputs[name], others[name]) for name in inputs]
    return all(np.array_equal(a, b) for a, b in [*pairs, *zip(rest, more, strict=True)])


@settings(max_examples=40)
@given(size=st.integers(1, 5000), seed=st.integers(0, 9))
def test_a_permutation_has_every_number_once_and_any_place_alone(size, seed):
    order = IndexPermutation(size, np.random.default_rng(seed))
    whole = order(np.arange(size))
    assert np.array_equal(np.sort(whole), np.arange(size))
    assert order(np.array([size - 1])) == whole[-1]


def test_a_permutation_leaves_nothing_in_its_place():
    whole = IndexPermutation(10_000, np.random.default_rng(1))(np.arange(10_000))
    # Chance: one number in the mean stays, and neighbours are 3,333 apart.
    assert np.sum(whole == np.arange(10_000)) < 8
    assert 3_200 < np.abs(np.diff(whole)).mean() < 3_470
    halves = whole[:5_000] < 5_000
    assert 0.47 < halves.mean() < 0.53


def test_a_permutation_of_a_trillion_takes_no_memory():
    order = IndexPermutation(10**12, np.random.default_rng(1))
    drawn = order(np.arange(1000))
    assert len(set(drawn.tolist())) == 1000
    assert 0 <= drawn.min() < drawn.max() < 10**12


def test_ids_are_read_back_across_shards(shards, tmp_path):
    ids = np.concatenate([book_ids(text) for text in TEXTS])
    assert len(list((tmp_path / "shards").glob("*.tokens"))) == 3
    assert (shards.num_tokens, shards.num_documents) == (len(ids), 4)
    for start, stop in [(0, len(ids)), (0, 1), (225, 232), (225, 300), (5, 5)]:
        assert np.array_equal(shards.tokens(start, stop), ids[start:stop])
    assert [ids[start] for start in shards.document_starts] == [1, 1, 1, 1]


@pytest.mark.parametrize("packed", [False, True])
def test_a_corpus_on_the_disk_gives_the_windows_of_one_in_memory(packed, tmp_path):
    books = {
        "en": [Book(text[:3], "en", text) for text in TEXTS[:3]],
        "zh": [Book("c", "zh", TEXTS[3])],
    }
    in_memory = ByteCorpus([*books["en"], *books["zh"]], seed=3)
    readers = {name: (lambda name=name: iter(books[name])) for name in books}
    for _ in range(2):  # Written, and found there.
        on_disk = ByteCorpus.on_disk(tmp_path, readers, seed=3)
        first, second = (
            corpus.training_windows(16, 3, start_step=5, packed=packed)
            for corpus in (in_memory, on_disk)
        )
        assert all(same(first[step], second[step]) for step in range(20))
        readers = dict.fromkeys(readers)  # Not asked again.
    assert on_disk.counts(16) == in_memory.counts(16)


@settings(max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    sequence_length=st.integers(1, 70),
    epoch=st.integers(0, 2),
)
def test_packed_windows_predict_all_but_the_first_ids(lengths, sequence_length, epoch):
    shelf = BookShelf("en", ["a" * length for length in lengths])
    stream = WindowStream(shelf, sequence_length, seed=1, packed=True)
    first = sum(stream.num_windows(each) for each in range(epoch))
    predicted = 0
    for draw in range(first, first + stream.num_windows(epoch)):
        ids, documents = stream.window(draw), stream.document_ids(draw)
        assert len(ids) == len(documents) <= sequence_length + 1
        # A document begins with a start token, and there only.
        assert np.array_equal(np.diff(documents), ids[1:] == 1)
        assert documents[0] == 1
        predicted += int(np.sum(documents[1:] == documents[:-1]))
    assert predicted == shelf.num_tokens - len(lengths)


def test_packed_windows_waste_nothing_and_name_the_documents(shards):
    inputs, targets, weights = shards.training_windows(64, 2, packed=True)[3]
    documents = inputs["document_ids"]
    assert documents.dtype == np.int32
    assert np.array_equal(documents > 0, inputs["padding_mask"])
    assert np.array_equal(weights > 0, inputs["padding_mask"] & (targets != 1))
    stream = WindowStream(shards, 64, 0, packed=True)
    num_windows = stream.num_windows(0)
    lengths = [len(stream.window(draw)) - 1 for draw in range(num_windows)]
    assert sum(length < 64 for length in lengths) <= 2
    # Without packing one in three positions of these short texts is padding.
    assert WindowStream(shards, 64, 0).num_windows(0) > num_windows


@pytest.mark.parametrize("packed", [False, True])
def test_a_resumed_run_goes_on_at_the_exact_batch(shards, packed, tmp_path):
    whole = shards.training_windows(9, 3, seed=7, packed=packed)
    again = TokenShards(tmp_path / "shards")
    for step in (0, 1, 17, 400):
        resumed = again.training_windows(9, 3, seed=7, start_step=step, packed=packed)
        assert same(whole[step], resumed[0])
        assert same(whole[step + 5], resumed[5])


def test_packed_and_other_streams_are_not_mixed():
    from longkeras.data import TrainingWindows

    shelf = BookShelf("en", ["a b c"])
    streams = [WindowStream(shelf, 4, 0, packed) for packed in (False, True)]
    with pytest.raises(ValueError, match="`streams` must be packed all or none"):
        TrainingWindows(streams, [1, 1], 2)


def test_large_vocabularies_take_four_bytes(tmp_path):
    write_token_shards([[0, 99_999]], tmp_path / "large", vocabulary_size=100_000)
    assert TokenShards(tmp_path / "large").tokens(0, 2).tolist() == [0, 99_999]
    assert (tmp_path / "large" / "00000.tokens").stat().st_size == 8


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([], "`documents` must hold at least one"),
        ([[1, 259]], "ids from 0 to 258.*ids from 1 to 259"),
        ([[-1, 3]], "ids from -1 to 3"),
        ([[1]], r"at least two integers.*shape=\(1,\)"),
        ([[[1, 2]]], "rows of at least two integers"),
        ([[0.5, 2.0]], "dtype=float64"),
    ],
)
def test_wrong_documents_are_named_and_nothing_is_written(documents, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_token_shards(documents, tmp_path / "shards", 259)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_shards(shards, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        with pytest.raises(OSError) as raised:
            shards_of(["new " * 3000], tmp_path / "shards")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.errno == errno.EFBIG
    assert os.listdir(tmp_path) == ["shards"]
    assert TokenShards(tmp_path / "shards").num_documents == 4


def test_damage_is_named(shards, tmp_path):
    folder = tmp_path / "shards"
    tokens = folder / "00000.tokens"
    tokens.write_bytes(tokens.read_bytes()[:-2])
    with pytest.raises(
        ValueError, match=r"00000\.tokens must have .* write the shards"
    ):
        TokenShards(folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    for content in ({**manifest, "version": 2}, {**manifest, "shards": []}, {}, []):
        (folder / MANIFEST).write_text(json.dumps(content))
        with pytest.raises(ValueError, match=r"manifest\.json"):
            TokenShards(folder)
    (folder / MANIFEST).unlink()
    with pytest.raises(FileNotFoundError, match="make it with `write_token_shards`"):
        TokenShards(folder)
