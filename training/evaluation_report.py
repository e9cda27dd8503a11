"""Tables and pictures of what `training.evaluate` has measured.

    python -m training.evaluation_report

writes docs/evaluation_results.md and its pictures from the records in
training/results; with `--check` it writes nothing, and fails if they are not what the
records say.
"""

import pathlib

from training import evaluation_tables as tables
from training.evaluate import RESULTS
from training.evaluation_pictures import pictures
from training.evaluation_record import read_records
from training.generated_page import write_or_check

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "evaluation_results.md"
_CAPTIONS = {
    "context": "Bits per byte",
    "position": "Bits per byte",
    "recall": "Numbers recalled by language models",
    "passkey": "Pass keys found",
}
_INTRODUCTION = """\
# What the models do with far-away text: results

Written by `python -m training.evaluation_report` from `training/results/*.json`; do not
edit. [What is measured, and what it says](evaluation.md). Intervals are 95 %
bootstrap intervals over places; places in the same book are not quite independent, so
that they are a little too narrow.
"""


def main(argv=None):
    """Write the page, or check it."""
    write_or_check(
        argv,
        __doc__.splitlines()[0],
        PAGE,
        RESULTS,
        lambda results, page: written_files(read_records(results), page),
        "python -m training.evaluation_report",
    )


def written_files(records, page=PAGE):
    """What the report consists of.

    Args:
        records: list of dict, from `read_records`.
        page: path of the Markdown page.

    Returns:
        dict of text by path.
    """
    drawn = pictures(records)
    images = {name: f"images/evaluation_{name}.svg" for name in drawn}
    shown = {name: f"![{_CAPTIONS[name]}]({place})\n" for name, place in images.items()}
    parts = [
        _INTRODUCTION,
        tables.models(records),
        tables.bits(records),
        shown.get("context", ""),
        shown.get("position", ""),
        tables.effective_lengths(records),
        tables.changes(records),
        tables.recall(records),
        shown.get("recall", ""),
        tables.encoder_recall(records),
        shown.get("passkey", ""),
        tables.circumstances(records),
    ]
    files = {page: "\n".join(part for part in parts if part)}
    return {**files, **{page.parent / images[name]: drawn[name] for name in drawn}}


if __name__ == "__main__":
    main()
