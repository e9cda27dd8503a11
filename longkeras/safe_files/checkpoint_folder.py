"""The check that a path names a model's folder at all."""

import os
from pathlib import Path

from longkeras.checkpoint_error import CheckpointError
from longkeras.safe_files.preset_layout import CONFIG_FILE


def check_checkpoint_folder(path: str | os.PathLike[str], argument: str) -> Path:
    """Refuse a path that is not a folder with a `config.json`, and say what it is.

    Args:
        path: str or path.
        argument: str. The name by which the path was given.

    Returns:
        `pathlib.Path`: the folder.

    Raises:
        CheckpointError: If nothing is there, or a file, an empty folder, or a folder
            without `config.json`.
    """
    folder = Path(path)
    wrong = _what_is_wrong(folder)
    if wrong:
        raise CheckpointError(
            f"`{argument}` must name a model's folder, which holds a {CONFIG_FILE}, or "
            f"a model of the Hugging Face Hub as hf://user/name; {wrong}. Received: "
            f"{argument}={path}"
        )
    return folder


def _what_is_wrong(folder: Path) -> str | None:
    if not folder.exists():
        return "there is no such folder"
    if not folder.is_dir():
        return "this is a file: give the folder that holds it"
    if (folder / CONFIG_FILE).is_file():
        return None
    if not any(folder.iterdir()):
        return "this folder is empty"
    # Folders of sentence-transformers may hold the model one level below.
    below = sorted(x.parent.name for x in folder.glob(f"*/{CONFIG_FILE}"))
    hint = f", but its subfolder {below[0]} does" if len(below) == 1 else ""
    return f"this folder holds no {CONFIG_FILE}{hint}"
