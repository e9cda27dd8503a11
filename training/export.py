"""Export of a trained model to a folder of models with a manifest."""

import datetime
import hashlib
import json
import logging
import pathlib
import shutil

from longkeras.data import load_books
from longkeras.evaluation import evaluate_books
from longkeras.fitting.batch_count import batches_done
from longkeras.fitting.checkpoint import write_json

_LOGGER = logging.getLogger("training")
_TITLES_ZH = {
    "lstm": "LSTM",
    "full_attention": "全注意力",
    "sliding_window": "滑动窗口（Longformer）",
}
_BOOKS = (
    {
        "name": "English novels 1840-1920 (ELTeC-eng), 33 whole books",
        "language": "en",
        "source": "https://github.com/COST-ELTeC/ELTeC-eng",
        "licence": "texts: public domain; mark-up: CC BY 4.0",
    },
    {
        "name": "Chinese classics, 21 whole books",
        "language": "zh",
        "source": "https://github.com/NiuTrans/Classical-Modern and "
        "https://github.com/tennessine/corpus",
        "licence": "texts: public domain; first repository: MIT",
    },
)
_BUNDLED = (
    {
        "name": "the samples in longkeras/data/samples",
        "licence": "texts: public domain",
    },
)


def export_model(model, config, record, data, folder, test_bytes):
    """Measure a trained model on the test books and add it to a folder of models.

    Args:
        model: trained `RecurrentCausalLM` or `TransformerCausalLM`.
        config: `training.model_configs.LanguageModelConfig`.
        record: dict, from `longkeras.fitting.RunFolder.record`.
        data: path of the data folder, or None for the bundled samples.
        folder: path of the folder with `manifest.json`.
        test_bytes: int. Bytes read from the beginning of each test book.
    """
    folder = pathlib.Path(folder)
    preset = folder / config.name
    partial = folder / f".{config.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    model.save_to_preset(str(partial))
    write_json(partial / "training.json", record)
    entry = {
        "name": config.name,
        "title": config.title,
        "title_zh": _TITLES_ZH[config.family],
        "family": config.family,
        "task": "causal_lm",
        "path": config.name,
        "parameters": model.count_params(),
        "sha256": file_digests(partial),
        "bytes_seen": model_bytes_seen(model, config),
        "scores": _scores(model, data, test_bytes),
        "recipe": {
            "command": "python -m training.recipes.language_model --data DIR "
            f"--model {config.name}",
            "record": "training.json",
        },
        "data": list(_BUNDLED if data is None else _BOOKS),
        "date": datetime.date.today().isoformat(),
    }
    shutil.rmtree(preset, ignore_errors=True)
    partial.rename(preset)
    add_to_manifest(folder, entry)
    _LOGGER.info("exported %s: %s", config.name, entry["scores"])


def model_bytes_seen(model, config):
    """Training bytes: the number of batches times the bytes of a batch."""
    return batches_done(model) * config.bytes_per_step


def _scores(model, data, test_bytes):
    books = load_books(data, "test")
    scores = evaluate_books(model, books, max_bytes_per_book=test_bytes)
    result = {"split": "test"}
    for language, score in scores.items():
        result[language] = round(score.bits_per_byte, 4)
        result[f"{language}_bytes"] = score.num_bytes
        result["protocol"] = score.protocol
    return result


def file_digests(folder):
    """Return the digests of a folder's files.

    Args:
        folder: path.

    Returns:
        dict of str to str, the SHA-256 of each file by its path in the folder.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in files
    }


def add_to_manifest(folder, entry):
    """Add a model to the manifest of a folder, in the place of one of its name.

    Args:
        folder: path of the folder with `manifest.json`, which is made if need be.
        entry: dict, the model's fields; see `longkeras.serving.ModelEntry`.
    """
    path = pathlib.Path(folder) / "manifest.json"
    models = json.loads(path.read_text("utf-8"))["models"] if path.exists() else []
    models = [model for model in models if model["name"] != entry["name"]]
    models = sorted([*models, entry], key=lambda model: model["name"])
    write_json(path, {"models": models})
