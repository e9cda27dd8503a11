"""The task of the whole-model case, the same for all contestants."""

import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path

import numpy as np

TASKS = ("forward", "training", "loading")
NUM_CLASSES = 2
LEARNING_RATE, WEIGHT_DECAY = 3e-5, 0.01
# Ids below are Hugging Face's special tokens: padding among them.
_FIRST_ID = 3
_WRITER = "benchmarks.contestants.keras_longformer_model"
_ROOT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class ModelSetting:
    """One point of the whole-model case; sizes are those of the base model.

    Args:
        contestant: str, a name among the case's contestants.
        task: `"forward"`: the logits. `"training"`: loss, gradients and a step of
            AdamW. `"loading"`: a model of a checkpoint in a folder.
        length: int, tokens of a text, none of them padding.
        reach: int, keys seen on each side of a token.
        num_layers: int. Defaults to `12`.
        num_heads: int. Defaults to `12`.
        hidden_dim: int. Defaults to `768`.
        intermediate_dim: int. Defaults to `3072`.
        vocabulary_size: int. Defaults to `50265`.
        batch: int. Defaults to `1`.
        dropout: float, of hidden states and of attention. Defaults to `0.1`.
        folder: str, a checkpoint in Hugging Face's form that all tasks load. Defaults
            to `None`: random weights, or for `"loading"` a file of these.
        group: str, the part of the report. Defaults to `""`.
        heat: str, the points that are timed in turns. Defaults to `""`.
    """

    contestant: str
    task: str
    length: int
    reach: int
    num_layers: int = 12
    num_heads: int = 12
    hidden_dim: int = 768
    intermediate_dim: int = 3072
    vocabulary_size: int = 50265
    batch: int = 1
    dropout: float = 0.1
    folder: str | None = None
    group: str = ""
    heat: str = ""

    def token_ids(self):
        """Ids `(batch, length)`, int32, without padding and special tokens."""
        rng = np.random.default_rng(0)
        shape = (self.batch, self.length)
        return rng.integers(_FIRST_ID, self.vocabulary_size, shape, dtype="int32")

    def global_mask(self):
        """int32 `(batch, length)`, 1 at the first token."""
        mask = np.zeros((self.batch, self.length), "int32")
        mask[:, 0] = 1
        return mask

    def labels(self):
        """The class of each text, int32 `(batch,)`."""
        return np.arange(self.batch, dtype="int32") % NUM_CLASSES

    def parameters(self):
        """Number of weights of the classifier."""
        width, inner = self.hidden_dim, self.intermediate_dim
        square = width * (width + 1)
        layer = 7 * square + inner * (width + 1) + width * (inner + 1) + 4 * width
        # Token, positions, segment, and a norm.
        rows = self.vocabulary_size + self.length + 2 + 1 + 2
        head = square + NUM_CLASSES * (width + 1)
        return rows * width + self.num_layers * layer + head

    def facts(self, parameters):
        """Description of the work for the result."""
        return {
            name: getattr(self, name)
            for name in ("num_layers", "hidden_dim", "num_heads", "batch", "dropout")
        } | {"parameters": parameters}


class Checkpoint:
    """A checkpoint of a setting's model, in Hugging Face's form.

    longkeras writes it in another process: the one that will load it shall not be
    warm. The folder is deleted when this is forgotten, unless it was given.

    Args:
        setting: `ModelSetting`.
    """

    def __init__(self, setting):
        self.folder = setting.folder
        if self.folder is None:
            self.folder = tempfile.mkdtemp()
            weakref.finalize(self, shutil.rmtree, self.folder)
            self._write(setting)

    def _write(self, setting):
        point = json.dumps(dataclasses.asdict(setting))
        subprocess.run(
            [sys.executable, "-m", _WRITER, point, self.folder],
            cwd=_ROOT,
            stdout=subprocess.DEVNULL,
            check=True,
        )
