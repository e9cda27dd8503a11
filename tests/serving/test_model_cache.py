import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from longkeras.serving import compare_models, read_document
from longkeras.serving.model_cache import ModelCache
from tests.serving.fake_models import FakeLSTM, FakeWindowed

TEXT = "The moon, 月, rose over 天山. " * 8


class Shelf:
    """Fake models of 10 bytes each in a cache; says what was loaded.

    Args:
        max_bytes: int or None. The cap.
        seconds: float. What a load costs.
    """

    def __init__(self, max_bytes=None, seconds=0.0):
        self.cache = ModelCache(max_bytes)
        self.loads = []
        self._seconds = seconds

    def get(self, name, num_bytes=10):
        return self.cache.get(name, num_bytes, lambda: self._load(name))

    def _load(self, name):
        self.loads.append(name)
        time.sleep(self._seconds)
        kind = FakeWindowed if name == "window" else FakeLSTM
        return kind(sum(name.encode()))


def run_together(*calls):
    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(call) for call in calls]
    return [future.result() for future in futures]


def test_two_threads_that_ask_for_a_model_load_it_once():
    shelf = Shelf(max_bytes=5, seconds=0.05)
    first, second = run_together(*[lambda: shelf.get("a")] * 2)
    assert shelf.loads == ["a"] and first is second


def test_models_load_side_by_side():
    shelf = Shelf()
    both = threading.Barrier(2, timeout=10)

    def load():
        both.wait()
        return FakeLSTM()

    run_together(*[lambda name=name: shelf.cache.get(name, 1, load) for name in "ab"])
    assert sorted(shelf.cache.names()) == ["a", "b"]


def test_the_least_recently_used_model_leaves():
    shelf = Shelf(max_bytes=20)
    for name in ("a", "b", "a", "c"):
        shelf.get(name)
    assert shelf.cache.names() == ("a", "c")
    shelf.get("b")
    assert shelf.loads == ["a", "b", "c", "b"]


def test_without_a_cap_every_model_stays():
    shelf = Shelf()
    for name in "abcab":
        shelf.get(name, 10**15)
    assert shelf.loads == ["a", "b", "c"]


def test_a_model_larger_than_the_cap_loads_and_the_others_leave():
    shelf = Shelf(max_bytes=20)
    shelf.get("a")
    shelf.get("b", 100)
    assert shelf.cache.names() == ("b",)


def test_a_model_in_use_stays_and_leaves_once_it_is_released():
    shelf = Shelf(max_bytes=10)
    held = shelf.get("a")
    shelf.get("b")
    assert shelf.get("a") is held and shelf.loads == ["a", "b"]
    assert shelf.cache.names() == ("a",)
    del held
    shelf.get("b")
    assert shelf.cache.names() == ("b",)


def test_a_model_that_has_left_is_freed():
    shelf = Shelf(max_bytes=10)
    model = weakref.ref(shelf.get("a")._model)
    assert model() is not None
    shelf.get("b")
    gc.collect()
    assert model() is None


def test_a_model_that_stays_is_compiled_once():
    shelf = Shelf(max_bytes=20)
    calls = []
    for name in ("a", "b", "a"):
        shelf.get(name).prepare("step", lambda name=name: calls.append(name))
    assert calls == ["a", "b"]
    shelf.get("c")
    shelf.get("b").prepare("step", lambda: calls.append("b"))
    assert calls == ["a", "b", "b"]


def test_a_load_that_fails_leaves_no_room_taken():
    shelf = Shelf(max_bytes=20)
    shelf.get("a")

    def fail():
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        shelf.cache.get("b", 10, fail)
    assert shelf.cache.names() == ("a",)
    shelf.get("b")
    assert shelf.loads == ["a", "b"]


def test_readings_under_a_tight_cap_are_those_without_one():
    expected = {
        name: read_document(Shelf().get(name), TEXT).bits.tolist()
        for name in ("a", "b", "window")
    }
    shelf = Shelf(max_bytes=10, seconds=0.001)

    def read(name):
        for _ in range(3):
            reading = read_document(shelf.get(name), TEXT, name=name)
            assert reading.bits.tolist() == expected[name]

    run_together(*[lambda name=name: read(name) for name in expected] * 2)
    assert len(shelf.loads) >= 3
    shelf.get("d")
    assert shelf.cache.names() == ("d",)


def test_a_comparison_holds_one_model_at_a_time():
    shelf = Shelf(max_bytes=10)
    names = ("a", "b", "window")
    cached = []

    def load(name):
        shared = shelf.get(name)
        cached.append(shelf.cache.names())
        return shared

    registry = SimpleNamespace(names=lambda capability: names, load=load)
    *_, last = compare_models(registry, names, TEXT)
    assert list(last.readings) == list(names)
    assert cached == [("a",), ("b",), ("window",)]
