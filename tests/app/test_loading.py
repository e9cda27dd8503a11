from longkeras.app.catalogue import Catalogue
from longkeras.app.loading import ModelLoader
from tests.app.fake_registry import NAMES, FakeRegistry


def told(loader, registry):
    return loader.message(Catalogue(registry, ()))


def test_models_are_ready_to_read_before_they_are_prepared_for_writing():
    registry = FakeRegistry()
    loader = ModelLoader(registry)
    assert told(loader, registry).key == "status.starting"
    assert not loader.is_finished
    loader.start()
    assert loader.wait(10)
    assert told(loader, registry).values == {"total": 3}
    assert registry.warmed[:3] == [(name, ("reading",)) for name in NAMES]
    assert [name for name, _ in registry.warmed[3:]] == list(NAMES)


def test_a_model_that_fails_is_named_and_does_not_stop_the_others(caplog):
    registry = FakeRegistry(broken=[NAMES[1]])
    loader = ModelLoader(registry)
    loader.start()
    assert loader.wait(10)
    message = told(loader, registry)
    assert message.kind == "error" and "全注意力" in message.text("zh")
    assert NAMES[2] in [name for name, _ in registry.warmed]
    assert f"{NAMES[1]} is broken" in caplog.text


def test_a_second_start_does_nothing():
    registry = FakeRegistry()
    loader = ModelLoader(registry)
    loader.start()
    loader.start()
    loader.wait(10)
    assert len(registry.warmed) == 6


def test_loading_leaves_the_first_seconds_to_the_page():
    registry = FakeRegistry()
    loader = ModelLoader(registry)
    loader.start(after=60)
    assert not loader.wait(0.05) and registry.warmed == []
    loader.hurry()
    assert loader.wait(10)
