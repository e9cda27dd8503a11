"""The manifest of a folder of models: `manifest.json`."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from longkeras.checkpoint_error import CheckpointError

MANIFEST_NAME = "manifest.json"

TASKS = {
    "backbone": "Backbone",
    "causal_lm": "CausalLM",
    "masked_lm": "MaskedLM",
    "question_answerer": "QuestionAnswerer",
    "seq2seq_lm": "Seq2SeqLM",
    "text_classifier": "TextClassifier",
    "text_embedder": "TextEmbedder",
    "token_classifier": "TokenClassifier",
}
"""Tasks of a model, with the endings of their class names."""

CAPABILITIES = {
    "reading": "causal_lm",
    "continuation": "causal_lm",
    "key_search": "token_classifier",
}
"""Capabilities of the page, with the task of the models that have them."""

# A key search takes a model that was trained for it, so an entry must name it.
_DEFAULT_CAPABILITIES = {"causal_lm": ("reading", "continuation")}
_REQUIRED = {
    "name": str,
    "path": str,
    "title": str,
    "family": str,
    "parameters": int,
    "sha256": dict,
}
_OPTIONAL = {
    "title_zh": ("", str),
    "scores": ({}, dict),
    "bytes_seen": (0, int),
    "date": ("", str),
    "recipe": ({}, dict),
    "data": ([], list),
}


@dataclass(frozen=True)
class ModelEntry:
    """One model of a manifest.

    Args:
        name: str. The key, such as `"byte-lstm"`.
        title: str. The English name on the page.
        title_zh: str. The Chinese name; the English one if none is given.
        family: str. The architecture, such as `"lstm"` or `"longformer"`.
        task: str. One of `TASKS`.
        path: str. The preset folder, relative to the manifest.
        parameters: int. Number of weights.
        sha256: dict of str to str. The digest of every file of the folder.
        capabilities: tuple of str. Keys of `CAPABILITIES`: what the page uses the model
            for. A causal language model can read and continue texts unless the
            manifest lists something else; other models need a list.
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
    capabilities: tuple = ()
    scores: dict = field(default_factory=dict)
    bytes_seen: int = 0
    date: str = ""
    recipe: dict = field(default_factory=dict, repr=False)
    data: tuple = field(default=(), repr=False)

    def can(self, capability):
        """Return whether the page uses the model for a capability, as a bool."""
        return capability in self.capabilities


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
    where = f"{manifest}: the model {fields.get('name')!r}"
    required = {
        key: _value(fields.get(key), key, kind, where)
        for key, kind in _REQUIRED.items()
    }
    optional = {
        key: _value(fields.get(key) or default, key, kind, where)
        for key, (default, kind) in _OPTIONAL.items()
    }
    optional["title_zh"] = optional["title_zh"] or required["title"]
    optional["data"] = tuple(optional["data"])
    _check_inside(required["path"], manifest)
    if not required["sha256"]:
        raise CheckpointError(
            f"{where} must give the `sha256` of its files. Received: sha256={{}}"
        )
    for file in required["sha256"]:
        _check_inside(file, manifest)
    task = _task(fields, where)
    capabilities = _capabilities(fields, task, where)
    return ModelEntry(task=task, capabilities=capabilities, **required, **optional)


def _value(value, key, kind, where):
    if not isinstance(value, kind) or isinstance(value, bool):
        raise CheckpointError(
            f"{where} must give `{key}` ({kind.__name__}). Received: {key}={value!r}"
        )
    return value


def _task(fields, where):
    """Return the task; older manifests give a class, or nothing for a causal LM."""
    given = fields.get("task", "causal_lm")
    for task, ending in TASKS.items():
        if isinstance(given, str) and (given == task or given.endswith(ending)):
            return task
    raise CheckpointError(
        f"{where} must give a `task`, one of {', '.join(TASKS)}. "
        f"Received: task={given!r}"
    )


def _capabilities(fields, task, where):
    given = fields.get("capabilities", _DEFAULT_CAPABILITIES.get(task, ()))
    possible = [name for name, needed in CAPABILITIES.items() if needed == task]
    is_list = isinstance(given, (list, tuple))
    if not is_list or any(name not in possible for name in given):
        raise CheckpointError(
            f"{where} must give `capabilities` as a list of those that the task {task} "
            f"has: {possible}. Received: capabilities={given!r}"
        )
    return tuple(given)


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
