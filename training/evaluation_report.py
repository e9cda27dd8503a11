"""Tables and pictures of what `training.evaluate` has measured.

    python -m training.evaluation_report

writes docs/evaluation_results.md and its pictures from the records in
training/results; with `--check` it writes nothing, and fails if they are not what the
records say.
"""

import pathlib

import numpy as np

from longkeras.evaluation import relative_effective_context
from training.evaluate import RESULTS
from training.evaluation_pictures import pictures
from training.evaluation_record import (
    comparable_measurements,
    measurements_of,
    read_records,
)
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
        _models(records),
        _bits(records),
        shown.get("context", ""),
        shown.get("position", ""),
        _effective_lengths(records),
        _changes(records),
        _recall(records),
        shown.get("recall", ""),
        _encoder_recall(records),
        shown.get("passkey", ""),
        _circumstances(records),
    ]
    files = {page: "\n".join(part for part in parts if part)}
    return {**files, **{page.parent / images[name]: drawn[name] for name in drawn}}


def _models(records):
    """The models measured."""
    rows = {
        record["model"]["name"]: [
            f"`{record['model']['name']}`",
            f"{record['model']['parameters']:,}",
            _bytes(record["model"]["context_length"]),
            _bytes(record["model"]["theoretical_reach"]),
        ]
        for record in records
    }
    header = ["model", "parameters", "reads at once", "can see back, in theory"]
    return _section("Models", _table([header, *rows.values()]))


def _bits(records):
    """Bits per byte of whole texts."""
    rows = [
        [
            f"`{model['name']}`",
            one["texts"],
            f"{one['bits_per_byte']:.3f}",
            f"{one['num_bytes']:,}",
            one["protocol"],
        ]
        for model, one in measurements_of(records, "bits")
    ]
    header = ["model", "texts", "bits per byte", "bytes", "protocol"]
    return _section("Bits per byte", _table([header, *rows])) if rows else ""


def _effective_lengths(records):
    """Effective context length, by model and relative to the group."""
    rows = []
    for found in comparable_measurements(records, "context", "truncate"):
        group = dict(found)
        relative = _relative_lengths(group)
        rows += [
            [
                f"`{model}`",
                one["texts"],
                f"{one['context_length']:,}",
                f"{one['effective_context_length']:,}",
                f"{relative[model]:,}",
            ]
            for model, one in found
        ]
    if not rows:
        return ""
    header = ["model", "texts", "whole context", "effective", "relative effective"]
    words = (
        "*Effective*: the shortest context at which a byte's perplexity is within 1 % "
        "of the whole context's (Khandelwal et al.). *Relative effective*: the longest "
        "context from which a model still gains 1 % on the best of the models at the "
        "next shorter one (Transformer-XL), all places counted; a model that cannot "
        "read so much is taken at its longest. The models are those that were measured "
        "at the same places: the shipped ones at theirs, earlier ones at others. Bytes."
    )
    return _section("Effective context length", f"{words}\n\n{_table([header, *rows])}")


def _changes(records):
    """Rise in bits when the far context is changed."""
    rows = [
        [
            f"`{model['name']}`",
            one["texts"],
            one["perturbation"].replace("_", " "),
            f"{change['distance']:,}",
            f"{change['mean']:+.3f}",
            f"{change['low']:+.3f} to {change['high']:+.3f}",
            f"{change['count']}",
        ]
        for model, one in measurements_of(records, "context")
        for change in one["changes"]
    ]
    header = ["model", "texts", "far context", "left alone", "change", "95 %", "places"]
    words = (
        "The rise in bits per byte of the next bytes when everything but the last "
        "bytes of the context, those *left alone*, is cut off or changed."
    )
    table = _table([header, *rows])
    return _section("Changed context", f"{words}\n\n{table}") if rows else ""


def _recall(records):
    """Recall of hidden numbers by language models."""
    rows = [
        [
            f"`{model['name']}`",
            one["kind"].replace("_", " "),
            f"{score['length']:,}",
            f"{score['depth']:.2f}",
            f"{score['distance']:,}",
            f"{score['accuracy']:.2f} ± {score['standard_error']:.2f}",
            f"{score['chance']:.2f}",
            f"{score['count']}",
        ]
        for model, one in measurements_of(records, "recall")
        for score in one["scores"]
    ]
    header = ["model", "probe", "bytes", "depth", "distance", "right", "guess", "n"]
    return _section("Recall", _table([header, *rows])) if rows else ""


def _encoder_recall(records):
    """Pass keys found by encoders, by length and depth."""
    found = measurements_of(records, "encoder_recall")
    if not found:
        return ""
    depths = sorted({score["depth"] for _, one in found for score in one["scores"]})
    rows = []
    for model, one in found:
        by_depth = {score["depth"]: score for score in one["scores"]}
        whole = _overall_recall(one)
        rows.append(
            [
                f"`{model['name']}`",
                f"{one['length']:,}",
                *(
                    f"{by_depth[depth]['accuracy']:.2f}" if depth in by_depth else ""
                    for depth in depths
                ),
                f"{whole['accuracy']:.3f} ± {whole['standard_error']:.3f}",
                f"{whole['count']}",
            ]
        )
    header = ["model", "bytes", *(f"{depth:.1f}" for depth in depths), "all", "n"]
    words = (
        "Share of texts in which all digits of the pass key were read, by the depth at "
        "which it stands (0 is the beginning); a guess is right once in "
        f"{1 / found[0][1]['scores'][0]['chance']:,.0f}. Every text tells the numbers "
        "of other things too, in the same words."
    )
    return _section("Pass keys, encoders", f"{words}\n\n{_table([header, *rows])}")


def _overall_recall(measurement):
    """Recall at all depths together."""
    scores = measurement["scores"]
    count = sum(score["count"] for score in scores)
    accuracy = sum(score["accuracy"] * score["count"] for score in scores) / count
    error = (accuracy * (1 - accuracy) / count) ** 0.5
    return {"accuracy": accuracy, "standard_error": error, "count": count}


def _circumstances(records):
    """Machine, date and software of each record."""
    lines = []
    for record in records:
        hardware, versions = record["hardware"], record["versions"]
        backend = record["backend"]
        seconds = sum(one["seconds"] for one in record["measurements"])
        peak = max(one["peak_memory_bytes"] for one in record["measurements"])
        texts = ", ".join(sorted({one["texts"] for one in record["measurements"]}))
        lines.append(
            f"- `{record['model']['name']}` on {texts}: {record['date'][:10]}, commit "
            f"{str(record['commit']['hash'])[:12]}, {hardware['processor']}, "
            f"{hardware['cores']} cores shared with other work, Keras "
            f"{versions['keras']} on {backend} {versions[backend]}, {seconds:,.0f} s, "
            f"at most {peak / 2**20:,.0f} MiB"
        )
    data = {one["data"] for record in records for one in record["measurements"]}
    lines += [f"- {words}" for words in sorted(data)]
    return _section("Circumstances", "\n".join(lines))


def _relative_lengths(group):
    """`relative_effective_context` on the longest ladder of the group."""
    ladders = {
        model: [change["distance"] for change in one["changes"]]
        + [one["context_length"]]
        for model, one in group.items()
    }
    lengths = sorted({length for ladder in ladders.values() for length in ladder})
    table = {}
    for model, one in group.items():
        by_length = dict(zip(ladders[model], one["bits_by_place"], strict=True))
        rows, row = [], None
        for length in lengths:
            row = by_length.get(length, row)
            rows.append(row)
        table[model] = np.array(rows)
    return relative_effective_context(table, lengths)


def _bytes(number):
    return "no limit" if number is None else f"{number:,}"


def _section(title, text):
    return f"## {title}\n\n{text}\n"


def _table(rows):
    header, *body = rows
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
