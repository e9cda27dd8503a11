"""Measure a language model on long text.

    python -m training.evaluate --model saved_models/byte-lstm --data DIR

Bits per byte by protocol, bits by position, use of the far context, recall of hidden
numbers. Each run writes one JSON file, `RESULTS/<model>.<texts>.json`, with a
protocol given by name `RESULTS/<model>.<texts>.<protocol>.json`.
`python -m training.evaluation_report` generates tables and pictures from them.
"""

import argparse
import dataclasses
import logging
import pathlib

from longkeras import load_model
from longkeras.evaluation.language_models.protocol import KINDS
from training.command_line import DATA_HELP, with_options
from training.evaluation_record import EvaluationRecord
from training.evaluation_tasks import TASKS, EvaluationSettings
from training.evaluation_texts import TEXT_SETS, load_text_set

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
_LOGGER = logging.getLogger("training")


def main(argv=None):
    """Measure one model on one or more sets of texts."""
    args = _parse(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = _settings(args)
    path = pathlib.Path(args.model)
    model, name = load_model(path), path.stem
    suffix = f".{args.protocol}" if args.protocol else ""
    for texts in args.texts:
        text_set = load_text_set(texts, args.data)
        record = EvaluationRecord(
            pathlib.Path(args.output) / f"{name}.{texts}{suffix}.json",
            model,
            name,
            dataclasses.asdict(settings),
        )
        for task in args.tasks:
            _LOGGER.info("%s: %s on %s", name, task, texts)
            TASKS[task](model, text_set, settings, record)


def _settings(args):
    settings = with_options(EvaluationSettings(), args)
    # 0 means the whole text.
    return dataclasses.replace(settings, max_bytes=settings.max_bytes or None)


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", required=True, help="preset folder or .keras file")
    parser.add_argument("--data", help=DATA_HELP)
    parser.add_argument("--output", default=RESULTS, help="folder of the JSON files")
    parser.add_argument(
        "--texts", nargs="+", choices=TEXT_SETS, default=["books-en", "books-zh"]
    )
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--protocol", choices=KINDS, help="of bits")
    defaults = EvaluationSettings()
    for field in dataclasses.fields(EvaluationSettings):
        if field.name == "protocol":
            continue
        value = getattr(defaults, field.name)
        is_many = isinstance(value, tuple)
        kind = type(value[0]) if is_many else (int if value is None else type(value))
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=kind,
            nargs="*" if is_many else None,
            help=f"default {value}",
        )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
