"""manifest.json: the facts about each shipped model."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from longkeras.checkpoint_error import CheckpointError

MANIFEST_NAME = "manifest.json"
FAMILIES = ("lstm", "full_attention", "sliding_window")
_REQUIRED = {
    "name": str,
    "path": str,
    "title": str,
    "family": str,
    "parameters": int,
    "sha256": dict,
}


@dataclass(frozen=True)
class ModelEntry:
    """One model of a manifest.

    Args:
        name: str. The key, such as `"byte-lstm"`.
        title: str. What the page calls it in English.
        title_zh: str. The same in Chinese; the English title if none is given.
        family: str. `"lstm"`, `"full_attention"` or `"sliding_window"`.
        task: str. The class, such as `"TransformerCausalLM"`.
        path: str. The preset folder, relative to the manifest.
        parameters: int. How many weights the model has.
        sha256: dict of str to str. The digest of every file of the folder.
        scores: dict. Bits per byte on held-out books (`"en"`, `"zh"`, …) and how
            they were measured.
        bytes_seen: int. Training bytes.
        date: str. ISO date of the training.
        recipe: dict. The command and configuration that trained it.
        data: tuple of dict. Name and licence of each training source.
    """

    name: str
    title: str
    title_zh: str
    family: str
    task: str
    path: str
    parameters: int
    sha256: dict = field(repr=False)
    scores: dict = field(default_factory=dict)
    bytes_seen: int = 0
    date: str = ""
    recipe: dict = field(default_factory=dict, repr=False)
    data: tuple = field(default=(), repr=False)


def read_manifest(folder):
    """Read and check the manifest of a folder of models.

    Args:
        folder: path. The folder that holds `manifest.json`.

    Returns:
        tuple of `ModelEntry`, in the manifest's order.

    Raises:
        CheckpointError: (a `ValueError`) there is no manifest, it is not valid JSON,
            or an entry lacks something.
    """
    path = Path(folder) / MANIFEST_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"A folder of models must hold a {MANIFEST_NAME}. Received: folder={folder}"
        ) from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    models = content.get("models") if isinstance(content, dict) else None
    if not isinstance(models, list):
        raise CheckpointError(f'{path} must be an object with a list "models".')
    entries = tuple(_entry(fields, path) for fields in models)
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise CheckpointError(f"{path} names the model {name!r} more than once.")
    return entries


def _entry(fields, manifest):
    if not isinstance(fields, dict):
        raise CheckpointError(f"{manifest}: a model must be an object: {fields!r}")
    for key, kind in _REQUIRED.items():
        if not isinstance(fields.get(key), kind):
            raise CheckpointError(
                f"{manifest}: the model {fields.get('name')!r} must give `{key}` "
                f"({kind.__name__}). Received: {key}={fields.get(key)!r}"
            )
    if fields["family"] not in FAMILIES:
        raise CheckpointError(
            f"{manifest}: `family` must be one of {', '.join(FAMILIES)}. "
            f"Received: family={fields['family']!r}"
        )
    _check_inside(fields["path"], manifest)
    if not fields["sha256"]:
        raise CheckpointError(
            f"{manifest}: the model {fields['name']!r} must give the `sha256` of its "
            "files. Received: sha256={}"
        )
    for file in fields["sha256"]:
        _check_inside(file, manifest)
    return ModelEntry(
        name=fields["name"],
        title=fields["title"],
        title_zh=fields.get("title_zh") or fields["title"],
        family=fields["family"],
        task=fields.get("task", ""),
        path=fields["path"],
        parameters=fields["parameters"],
        sha256=dict(fields["sha256"]),
        scores=fields.get("scores") or {},
        bytes_seen=fields.get("bytes_seen", 0),
        date=fields.get("date", ""),
        recipe=fields.get("recipe") or {},
        data=tuple(fields.get("data") or ()),
    )


def _check_inside(path, manifest):
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise CheckpointError(
            f"{manifest}: a `path` must stay inside the folder. Received: path={path!r}"
        )


def check_files(folder, entry):
    """Compare the files of a model with their digests.

    Args:
        folder: path. The folder that holds the manifest.
        entry: `ModelEntry`.

    Returns:
        `pathlib.Path` of the model's preset folder.

    Raises:
        CheckpointError: (a `ValueError`) a file is missing or has changed.
    """
    preset = Path(folder) / entry.path
    for name, expected in entry.sha256.items():
        path = preset / name
        try:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise CheckpointError(
                f"The model {entry.name!r} lacks a file: {path} ({error.strerror})."
            ) from error
        if digest != expected.lower():
            raise CheckpointError(
                f"The model {entry.name!r} has a file that is not the one of the "
                f"manifest: {path}. Expected sha256 {expected}. Received: {digest}"
            )
    return preset
