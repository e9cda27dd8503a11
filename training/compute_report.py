"""Report bits per byte against training compute, for all runs that are kept.

    python -m training.compute_report

writes docs/training_compute.md and its picture from the runs in training/histories
and from those of the shipped models; with `--check` it writes nothing, and fails if
they are not what the runs say.
"""

import json
import pathlib

from longkeras.serving.registry import SAVED_MODELS
from tools.log_log_picture import Panel, Series, picture
from training.compute import training_flops, weight_counts
from training.generated_page import write_or_check
from training.model_configs import LanguageModelConfig

_ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = _ROOT / "docs" / "training_compute.md"
HISTORIES = _ROOT / "training" / "histories"
_COMMAND = "python -m training.compute_report"
_LANGUAGES = {"en": "English", "zh": "Chinese"}
_IMAGE = "images/training_compute.svg"
_INTRODUCTION = f"""\
# Bits per byte against compute

Written by `{_COMMAND}` from the runs in `training/histories` and
those of the models in `saved_models/manifest.json`; do not edit. Each
point is a checkpoint of a run, on the beginnings of the validation books. What was
computed is counted from the configuration:
six operations a weight and byte, those of a table of n-grams apart, and three times the
products of attention, in teraFLOP. A run that is not at its end has not had its falling
learning rate yet: to the finished ones that gave about 0.1 bit.
[How the runs were made](../training/LOG.md).
"""


def main(argv=None):
    """Write the page, or check it."""
    write_or_check(
        argv, __doc__.splitlines()[0], PAGE, HISTORIES, written_files, _COMMAND
    )


def written_files(histories, page=PAGE, shipped=SAVED_MODELS):
    """What the report consists of.

    Args:
        histories: path of a folder of JSON files, `config` and `history` in each.
        page: path of the Markdown page.
        shipped: path of the folder of finished models, with `manifest.json`.

    Returns:
        dict of text by path.
    """
    models = json.loads((shipped / "manifest.json").read_text("utf-8"))["models"]
    paths = [
        *(shipped / model["path"] / "training.json" for model in models),
        *sorted(histories.glob("*.json")),
    ]
    runs = [_Run(json.loads(path.read_text("utf-8"))) for path in paths]
    runs.sort(key=lambda run: (run.parameters, run.name))
    panels = [
        Panel(
            title,
            "teraFLOP of training",
            "bits per byte",
            tuple(Series(run.name, run.pairs(language)) for run in runs),
            has_even_y=True,
        )
        for language, title in _LANGUAGES.items()
    ]
    parts = [
        _INTRODUCTION,
        f"![Bits per byte against compute]({_IMAGE})\n",
        *_table(runs),
    ]
    return {
        page: "\n".join(parts) + "\n",
        page.parent / _IMAGE: picture(panels, [run.name for run in runs]),
    }


class _Run:
    def __init__(self, record):
        config = record["config"].items()
        self.config = LanguageModelConfig(
            **{name: tuple(x) if isinstance(x, list) else x for name, x in config}
        )
        self.history = record["history"]
        self.parameters, _ = weight_counts(self.config)
        self.name = f"{self.config.name}, {self.parameters / 1e6:.1f} M"
        self.steps = [row["step"] for row in self.history]
        self.flops = training_flops(self.config, self.steps)

    def pairs(self, language):
        return tuple(
            (flops / 1e12, row[f"bits_per_byte_{language}"])
            for flops, row in zip(self.flops, self.history, strict=True)
        )

    def row(self):
        last = self.history[-1]
        seen = last["step"] * self.config.bytes_per_step
        cells = [
            f"`{self.config.name}`",
            f"{self.parameters:,}",
            self.config.optimizer,
            f"{last['step']:,} of {self.config.steps:,}",
            f"{seen / 1e6:.1f} MB",
            f"{self.flops[-1] / 1e12:.1f}",
            *(f"{last[f'bits_per_byte_{language}']:.3f}" for language in _LANGUAGES),
        ]
        return f"| {' | '.join(cells)} |"


def _table(runs):
    titles = [
        "model",
        "parameters",
        "optimizer",
        "steps",
        "read",
        "teraFLOP",
        *_LANGUAGES.values(),
    ]
    yield f"| {' | '.join(titles)} |"
    yield f"| :-- | --: | :-- |{' --: |' * (len(titles) - 3)}"
    for run in runs:
        yield run.row()


if __name__ == "__main__":
    main()
