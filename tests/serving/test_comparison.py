import threading
from types import SimpleNamespace

import pytest

from longkeras.checkpoint_error import CheckpointError
from longkeras.serving import InputError, SharedModel, compare_models
from tests.serving.fake_models import FakeFull, FakeLSTM, FakeWindowed

TEXT = "The moon, 月, rose.\n" * 80


@pytest.fixture
def registry():
    models = {"a": FakeLSTM(1), "b": FakeWindowed(2), "c": FakeFull(3)}
    shared = {name: SharedModel(model, name) for name, model in models.items()}
    return SimpleNamespace(
        names=lambda capability: tuple(models), load=shared.__getitem__
    )


def test_the_chosen_models_read_the_same_text(registry):
    *_, last = compare_models(registry, ["c", "a"], TEXT)
    assert last.stage == "done" and last.fraction == 1
    assert list(last.readings) == ["a", "c"]
    assert {reading.text for reading in last.readings.values()} == {TEXT}


def test_progress_rises_and_names_the_model_at_work(registry):
    steps = list(compare_models(registry, ["a", "b", "c"], TEXT))
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert list(dict.fromkeys(step.name for step in steps)) == ["a", "b", "c"]
    stages = [step.stage for step in steps if step.name == "b"]
    assert list(dict.fromkeys(stages)) == ["loading", "compiling", "reading"]
    # What has been yielded does not change afterwards.
    assert next(len(step.readings) for step in steps if step.name == "b") == 1


def test_only_so_much_is_read(registry):
    *_, last = compare_models(registry, ["a"], TEXT, max_bytes=12)
    assert last.fraction == 1
    reading = last.readings["a"]
    assert reading.bytes_read == 10
    assert reading.bytes_dropped == len(TEXT.encode()) - reading.bytes_read


def test_cancelling_stops_all_models(registry):
    cancelled = threading.Event()
    steps = []
    for step in compare_models(registry, ["a", "b"], TEXT, cancelled=cancelled):
        steps.append(step)
        if step.name == "b" and step.bytes_done:
            cancelled.set()
    assert list(steps[-1].readings) == ["a"]
    assert steps[-1].stage == "reading"


@pytest.mark.parametrize(
    ("names", "text", "code"),
    [([], TEXT, "no_models"), (["z"], TEXT, "unknown_model"), (["a"], "", "empty")],
)
def test_wrong_input_is_refused_first(registry, names, text, code):
    with pytest.raises(InputError) as error:
        next(compare_models(registry, names, text))
    assert error.value.code == code


@pytest.mark.parametrize("error", [CheckpointError, ImportError, OSError])
@pytest.mark.parametrize("broken", ["a", "b", "c", "abc"])
def test_a_model_that_cannot_be_loaded_is_passed_over(registry, broken, error):
    def load(name):
        if name in broken:
            raise error(name)
        return healthy(name)

    healthy, registry.load = registry.load, load
    *steps, last = compare_models(registry, ["a", "b", "c"], TEXT)
    assert last.stage == "done" and last.fraction == 1
    assert list(last.readings) == [name for name in "abc" if name not in broken]
    assert list(last.failures) == list(broken)
    assert all(isinstance(each, error) for each in last.failures.values())
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)


def test_progress_counts_what_is_really_read(registry):
    text = "x" * 1_090
    *_, last = compare_models(registry, ["a"], text, max_bytes=1_000)
    assert last.readings["a"].bytes_dropped == 0
    assert last.bytes_total == last.readings["a"].bytes_read == 1_090
