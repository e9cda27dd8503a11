import hashlib
import json
import threading
import time
from types import SimpleNamespace

import pytest

from longkeras import CheckpointError
from longkeras.serving import ModelRegistry, registry
from longkeras.serving.registry import PROGRAM_BYTES
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


@pytest.mark.parametrize(
    ("task", "read_as"),
    [
        ("masked_lm", "masked_lm"),
        ("LongformerTokenClassifier", "token_classifier"),
        ("RecurrentCausalLM", "causal_lm"),
    ],
)
def test_any_task_and_family_can_be_listed(tmp_path, task, read_as):
    models = ModelRegistry(write_models(tmp_path, task=task, family="magic"))
    assert (models.entry("a").task, models.entry("a").family) == (read_as, "magic")
    # Only causal language models read by default.
    assert models.names("reading") == (("a", "b") if read_as == "causal_lm" else ())
    assert models.names() == ("a", "b")


def test_an_older_manifest_without_a_task_lists_causal_language_models(tmp_path):
    models = ModelRegistry(write_models(tmp_path))
    assert models.entry("a").task == "causal_lm"
    assert models.names("continuation") == ("a", "b")
    assert models.names("key_search") == () and not models.key_finder.is_there


def test_a_model_can_be_left_out_of_the_page(tmp_path):
    models = ModelRegistry(write_models(tmp_path, capabilities=[]))
    assert models.names("reading") == () and models.names() == ("a", "b")


def test_a_class_of_another_task_is_refused(tmp_path, monkeypatch):
    class FakeMaskedLM(FakeLSTM):
        pass

    monkeypatch.setattr(registry, "load_model", lambda path: FakeMaskedLM())
    with pytest.raises(CheckpointError, match=r"`task`.*causal_lm.*FakeMaskedLM"):
        ModelRegistry(write_models(tmp_path)).load("a")


def test_a_language_model_of_subwords_is_refused(tmp_path, monkeypatch):
    model = FakeLSTM()
    model.preprocessor = SimpleNamespace(tokenizer="words")
    monkeypatch.setattr(registry, "load_model", lambda path: model)
    with pytest.raises(CheckpointError, match=r"`ByteTokenizer`.*capabilities"):
        ModelRegistry(write_models(tmp_path)).load("a")


def test_another_model_cannot_search_for_keys(tmp_path, loads):
    encoder = {"task": "token_classifier", "capabilities": ["key_search"]}
    models = ModelRegistry(write_models(tmp_path, **encoder))
    with pytest.raises(CheckpointError, match="LongformerTokenClassifier"):
        models.load("a")


def test_the_memory_cap_counts_weight_files_and_programs(tmp_path, loads):
    folder = write_models(tmp_path)
    assert ModelRegistry(folder).memory_of("a") == PROGRAM_BYTES
    assert ModelRegistry(folder).fitting(("a", "b")) == ("a", "b")
    one = ModelRegistry(folder, memory=PROGRAM_BYTES)
    assert one.fitting(("a", "b")) == ("a",)
    assert ModelRegistry(folder, memory=1).fitting(("a", "b")) == ("a",)
    for name in ("a", "b", "b", "a"):
        one.load(name)
    assert loads == ["a", "b", "a"]
    assert ModelRegistry().memory_of("byte-lstm") > 12_000_000 + PROGRAM_BYTES


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
        ({"family": 3}, "`family`"),
        ({"title_zh": 3}, "`title_zh`"),
        ({"path": None}, "`path`"),
        ({"task": "poetry"}, "`task`, one of backbone, causal_lm"),
        ({"task": ["causal_lm"]}, "`task`"),
        ({"capabilities": "reading"}, "`capabilities` as a list"),
        ({"capabilities": ["key_search"]}, "causal_lm has"),
        ({"task": "masked_lm", "capabilities": ["reading"]}, "masked_lm has"),
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
