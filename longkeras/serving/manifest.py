"""manifest.json: what is said about each shipped model."""

from dataclasses import dataclass, field


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
