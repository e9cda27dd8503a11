"""A registry of models in NumPy: the page without TensorFlow, in milliseconds."""

import time

import numpy as np

from longkeras.checkpoint_error import CheckpointError
from longkeras.serving import ModelEntry, SharedModel
from longkeras.serving.key_finder import FoundKey, hidden_key
from tests.serving.fake_models import FakeFull, FakeLSTM, FakeWindowed

NAMES = ("byte-lstm", "byte-transformer-full", "byte-longformer")
TITLES = {
    "byte-lstm": ("LSTM", "循环网络"),
    "byte-transformer-full": ("Full attention", "全注意力"),
    "byte-longformer": ("Sliding window", "滑动窗口"),
}
FAMILIES = ("lstm", "full_attention", "sliding_window")


class FakeRegistry:
    """Three models with a memory and no training.

    Args:
        step_seconds: float. What a call of a model costs, so that work can be
            interrupted.
        broken: sequence of str. Models that cannot be loaded.
    """

    def __init__(self, step_seconds=0.0, broken=()):
        kinds = (FakeLSTM, FakeFull, FakeWindowed)
        self.broken = set(broken)
        self.warmed = []
        self.key_finder = FakeKeyFinder()
        self._models = {
            name: SharedModel(_Slow(kind(seed=1), step_seconds), name)
            for name, kind in zip(NAMES, kinds, strict=True)
        }

    def names(self, capability=None):
        return NAMES

    def fitting(self, names):
        return names

    def entry(self, name):
        title, title_zh = TITLES[name]
        return ModelEntry(
            name=name,
            title=title,
            title_zh=title_zh,
            family=FAMILIES[NAMES.index(name)],
            task="",
            path=name,
            parameters=self._models[name].parameters,
            sha256={},
            scores={"en": 2.0, "zh": 2.5} if name == NAMES[0] else {},
        )

    def load(self, name):
        if name in self.broken:
            raise CheckpointError(f"{name} is broken")
        return self._models[name]

    def warm_up(self, name, purposes=("reading",)):
        self.load(name)
        self.warmed.append((name, purposes))
        return 0.0


class FakeKeyFinder:
    """Reads every key, but those that lie in the middle."""

    is_there = True

    def find(self, text, length, depth, seed):
        example = hidden_key(text, length, depth, seed)
        probabilities = np.full((5, 10), 0.01)
        digits = (0,) * 5 if depth == 0.5 else example.labels
        probabilities[range(5), digits] = 0.91
        return FoundKey(example, probabilities, 0.25, 1234)


class _Slow:
    """A model whose calls take a while."""

    def __init__(self, model, seconds):
        self._model = model
        self._seconds = seconds

    def __getattr__(self, name):
        return getattr(self._model, name)

    def compiled_prefill(self, *arguments):
        time.sleep(self._seconds)
        return self._model.compiled_prefill(*arguments)

    def compiled_step(self, *arguments):
        time.sleep(self._seconds)
        return self._model.compiled_step(*arguments)
