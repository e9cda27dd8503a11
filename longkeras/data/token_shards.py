"""Token ids of a corpus on the disk, mapped into memory."""

import json
from pathlib import Path

import numpy as np

from longkeras.atomic_files import replaced_folder
from longkeras.data.training_windows import TrainingWindows
from longkeras.data.window_stream import WindowStream

MANIFEST = "manifest.json"
_FORMAT = "longkeras token shards"
_VERSION = 1
_LENGTH_DTYPE = np.dtype("<i8")


class TokenShards:
    """A corpus on the disk, written by `write_token_shards`, of any size.

    The ids are mapped into memory, and only those of a window are read. One number per
    document is loaded.

    Args:
        folder: str or path. A folder that `write_token_shards` wrote.

    Raises:
        FileNotFoundError: If the folder has no manifest.
        ValueError: If the manifest is invalid, or a file does not have the size in it.

    Example:

    >>> import pathlib, tempfile
    >>> from longkeras.data import TokenShards, write_token_shards
    >>> folder = pathlib.Path(tempfile.mkdtemp()) / "shards"
    >>> write_token_shards([[1, 5, 6, 2], [1, 7, 2]], folder, vocabulary_size=8)
    >>> shards = TokenShards(folder)
    >>> shards.num_documents, shards.num_tokens, shards.tokens(2, 6).tolist()
    (2, 7, [6, 2, 1, 7])
    >>> windows = shards.training_windows(4, batch_size=2, packed=True)
    >>> sorted(windows[0][0])
    ['document_ids', 'padding_mask', 'token_ids']
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        manifest = _read_manifest(self.folder / MANIFEST)
        self.name = manifest["name"]
        self.vocabulary_size = manifest["vocabulary_size"]
        dtype = _token_dtype(self.vocabulary_size)
        self._shards, lengths = [], []
        for shard in manifest["shards"]:
            path = self.folder / shard["file"]
            self._shards.append(_mapped(path, dtype, shard["tokens"]))
            sizes = path.with_suffix(".lengths")
            lengths.append(_mapped(sizes, _LENGTH_DTYPE, shard["documents"]))
        sizes = np.concatenate(lengths)
        self.document_starts = np.cumsum(sizes) - sizes
        self.num_documents = len(sizes)
        self._ends = np.cumsum([len(shard) for shard in self._shards])
        self.num_tokens = int(self._ends[-1])

    def tokens(self, start, stop):
        """The ids from one position of the corpus up to another.

        Args:
            start: int. From 0 to `num_tokens`.
            stop: int. Not included.

        Returns:
            Array of shape (stop - start,), of the stored dtype.
        """
        first = int(np.searchsorted(self._ends, start, side="right"))
        parts = []
        for shard, end in zip(self._shards[first:], self._ends[first:], strict=True):
            begin = int(end) - len(shard)
            parts.append(shard[max(start - begin, 0) : stop - begin])
            if stop <= end:
                break
        return np.concatenate(parts)

    def training_windows(
        self,
        sequence_length,
        batch_size,
        seed=0,
        start_step=0,
        num_steps=None,
        packed=False,
    ):
        """Cut the corpus into shuffled windows for `fit`.

        Args:
            sequence_length: int. Ids per window; the targets are the next ids.
            batch_size: int. Windows per batch.
            seed: int. Determines all windows of all steps. Defaults to `0`.
            start_step: int. The step at which a resumed run continues. Defaults to `0`.
            num_steps: int. Number of batches. Defaults to None: endless.
            packed: bool. Whether a window may hold parts of several documents, told
                apart by `document_ids` in the inputs. If not, a window ends with its
                document, and is padded. Defaults to `False`.

        Returns:
            `TrainingWindows`, a `keras.utils.PyDataset`.

        Raises:
            ValueError: For a size below 1 or a negative step.
        """
        stream = WindowStream(self, sequence_length, seed, packed)
        return TrainingWindows([stream], [1.0], batch_size, start_step, num_steps)


def write_token_shards(
    documents, folder, vocabulary_size, name="", tokens_per_shard=2**27
):
    """Write documents to the disk, one at a time, for `TokenShards`.

    The folder is replaced atomically at the end. Each document is in one shard. The ids
    are little-endian integers of two bytes, or of four where the vocabulary needs them,
    without a header, in `NNNNN.tokens`; the lengths of the documents are integers of
    eight bytes in `NNNNN.lengths`; `manifest.json` has their counts.

    Args:
        documents: iterable of integer arrays or lists. The ids of one document each,
            at least two, including start and end tokens.
        folder: str or path. Created, or replaced.
        vocabulary_size: int. Larger than every id.
        name: str. Determines the order of windows together with a seed. Defaults to
            `""`.
        tokens_per_shard: int. Number of tokens at which a shard is closed. Defaults to
            `2**27`.

    Raises:
        ValueError: If an id is out of range, a document has fewer than two ids, or
            there are no documents.

    Example:

    ```python
    import pathlib
    import tempfile

    from longkeras.data import TokenShards, book_ids, samples, write_token_shards

    folder = pathlib.Path(tempfile.mkdtemp()) / "english"
    english = (sample.text for sample in samples() if sample.language == "en")
    write_token_shards(map(book_ids, english), folder, vocabulary_size=259)
    assert TokenShards(folder).num_documents >= 2
    ```
    """
    if tokens_per_shard < 1:
        raise ValueError(
            "`tokens_per_shard` must be at least 1. "
            f"Received: tokens_per_shard={tokens_per_shard}"
        )
    dtype = _token_dtype(vocabulary_size)
    bytes_per_shard = tokens_per_shard * dtype.itemsize
    checked = (_checked(each, vocabulary_size, dtype) for each in documents)
    with replaced_folder(folder, lambda new, place: False) as place:
        shards: list[dict[str, str | int]] = []
        document = next(checked, None)
        while document is not None:
            path = place / f"{len(shards):05d}.tokens"
            lengths = []
            with open(path, "wb") as file:
                while document is not None and file.tell() < bytes_per_shard:
                    file.write(document.tobytes())
                    lengths.append(len(document))
                    document = next(checked, None)
            sizes = np.array(lengths, dtype=_LENGTH_DTYPE)
            path.with_suffix(".lengths").write_bytes(sizes.tobytes())
            counts = {"tokens": int(sizes.sum()), "documents": len(lengths)}
            shards.append({"file": path.name, **counts})
        if not shards:
            raise ValueError("`documents` must hold at least one. Received: none")
        manifest = {
            "format": _FORMAT,
            "version": _VERSION,
            "name": name,
            "vocabulary_size": vocabulary_size,
            "shards": shards,
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
        (place / MANIFEST).write_text(text, "utf-8")


def _token_dtype(vocabulary_size):
    return np.dtype("<u2" if vocabulary_size <= 2**16 else "<u4")


def _checked(document, vocabulary_size, dtype):
    ids = np.asarray(document)
    if ids.ndim != 1 or ids.size < 2 or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(
            "`documents` must be rows of at least two integers. "
            f"Received: shape={ids.shape}, dtype={ids.dtype}"
        )
    if ids.min() < 0 or ids.max() >= vocabulary_size:
        raise ValueError(
            f"`documents` must hold ids from 0 to {vocabulary_size - 1}, below "
            f"`vocabulary_size`. Received: ids from {ids.min()} to {ids.max()}"
        )
    return ids.astype(dtype)


def _mapped(path, dtype, count):
    size = path.stat().st_size if path.is_file() else 0
    if size != count * dtype.itemsize:
        raise ValueError(
            f"{path} must have {count * dtype.itemsize} bytes, as the manifest beside "
            f"it says: write the shards anew. Received: {size} bytes"
        )
    return np.memmap(path, dtype=dtype, mode="r")


def _read_manifest(path):
    if not path.is_file():
        raise FileNotFoundError(
            f"`folder` has no {path.name}: make it with `write_token_shards`. "
            f"Received: folder={path.parent}"
        )
    try:
        manifest = json.loads(path.read_text("utf-8"))
        kind = manifest["format"], manifest["version"]
        shards = [
            {
                "file": Path(shard["file"]).name,
                "tokens": int(shard["tokens"]),
                "documents": int(shard["documents"]),
            }
            for shard in manifest["shards"]
        ]
        fields = {
            "name": str(manifest["name"]),
            "vocabulary_size": int(manifest["vocabulary_size"]),
            "shards": shards,
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no manifest of token shards: {error!r}") from error
    if kind != (_FORMAT, _VERSION) or not shards:
        raise ValueError(
            f"{path} must be of format {_FORMAT!r}, version {_VERSION}, with a shard. "
            f"Received: format={kind[0]!r}, version={kind[1]!r}, {len(shards)} shards"
        )
    return fields
