import hashlib
import json
import threading
import time

import pytest

from longkeras import CheckpointError
from longkeras.serving import ModelRegistry, registry
from tests.serving.fake_models import FakeLSTM


def write_models(folder, names=("a", "b"), **changes):
    models = []
    for name in names:
        preset = folder / name
        preset.mkdir(parents=True)
        (preset / "config.json").write_text(f'{{"name": "{name}"}}')
        digest = hashlib.sha256((preset / "config.json").read_bytes()).hexdigest()
        models.append(
            {
                "name": name,
                "path": name,
                "title": name.upper(),
                "family": "lstm",
                "parameters": FakeLSTM().count_params(),
                "sha256": {"config.json": digest},
            }
            | changes
        )
    content = json.dumps({"models": models}, ensure_ascii=False)
    (folder / "manifest.json").write_text(content, encoding="utf-8")
    return folder


@pytest.fixture
def loads(monkeypatch):
    """Load fake models and count how often; a load takes a moment."""
    paths = []

    def load(path):
        paths.append(path.name)
        time.sleep(0.02)
        return FakeLSTM()

    monkeypatch.setattr(registry, "load_model", load)
    return paths


def test_the_manifest_is_read_without_loading(tmp_path, loads):
    changes = {"title_zh": "长短期记忆", "scores": {"en": 2.1}, "data": [{"name": "x"}]}
    models = ModelRegistry(write_models(tmp_path, **changes))
    assert models.names() == ("a", "b")
    entry = models.entry("b")
    assert (entry.title, entry.title_zh, entry.scores) == (
        "B",
        "长短期记忆",
        {"en": 2.1},
    )
    assert loads == []


def test_a_missing_chinese_title_is_the_english_one(tmp_path):
    assert ModelRegistry(write_models(tmp_path)).entry("a").title_zh == "A"


def test_a_model_is_loaded_once_whoever_asks(tmp_path, loads):
    models = ModelRegistry(write_models(tmp_path))
    got = []
    users = [
        threading.Thread(target=lambda: got.append(models.load("a"))) for _ in range(8)
    ]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert loads == ["a"]
    assert len(got) == 8 and len(set(map(id, got))) == 1
    assert got[0].name == "a"


def test_warming_up_prepares_a_model_once(tmp_path, loads):
    models = ModelRegistry(write_models(tmp_path))
    assert models.warm_up("a") > 0
    calls = len(models.load("a")._model.calls)
    models.warm_up("a")
    assert calls > 0 and len(models.load("a")._model.calls) == calls


def test_a_changed_file_is_refused_before_loading(tmp_path, loads):
    models = ModelRegistry(write_models(tmp_path))
    (tmp_path / "a" / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"not the one of the manifest.*config"):
        models.load("a")
    assert loads == []


def test_a_missing_file_is_refused(tmp_path, loads):
    models = ModelRegistry(write_models(tmp_path))
    (tmp_path / "a" / "config.json").unlink()
    with pytest.raises(CheckpointError, match="lacks a file"):
        models.load("a")
    models.load("b")


def test_another_number_of_parameters_is_refused(tmp_path, loads):
    models = ModelRegistry(write_models(tmp_path, parameters=7))
    with pytest.raises(CheckpointError, match="`parameters`"):
        models.load("a")


def test_a_name_that_is_not_there_is_refused(tmp_path):
    models = ModelRegistry(write_models(tmp_path))
    for call in (models.entry, models.load, models.warm_up):
        with pytest.raises(ValueError, match="one of a, b"):
            call("c")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "must hold a manifest.json"),
        ("{", "cannot be read"),
        ("[]", "list"),
        ('{"models": {}}', "list"),
        ('{"models": [1]}', "must be an object"),
        ('{"models": [{"name": "a"}]}', "must give `path`"),
    ],
)
def test_a_broken_manifest_says_what_is_wrong(tmp_path, content, words):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(CheckpointError, match=words):
        ModelRegistry(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"family": "magic"}, "`family`"),
        ({"parameters": "many"}, "`parameters`"),
        ({"sha256": {}}, "`sha256`"),
        ({"path": "../elsewhere"}, "inside"),
        ({"path": "/elsewhere"}, "inside"),
        ({"sha256": {"../x": "0"}}, "inside"),
        ({"name": "same"}, "more than once"),
    ],
)
def test_a_wrong_entry_says_what_is_wrong(tmp_path, changes, words):
    with pytest.raises(CheckpointError, match=words):
        ModelRegistry(write_models(tmp_path, **changes))
