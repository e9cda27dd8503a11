"""The tables of the evaluation report, as Markdown."""

import numpy as np

from longkeras.evaluation import relative_effective_context
from training.evaluation_groups import at_the_same_places


def models(records):
    """Who was measured.

    Args:
        records: list of dict, from `read_records`.

    Returns:
        str.
    """
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


def bits(records):
    """Bits per byte of whole texts.

    Args:
        records: list of dict.

    Returns:
        str, empty where nothing was measured.
    """
    rows = [
        [
            f"`{model}`",
            one["texts"],
            f"{one['bits_per_byte']:.3f}",
            f"{one['num_bytes']:,}",
            one["protocol"],
        ]
        for model, one in _of_task(records, "bits")
    ]
    header = ["model", "texts", "bits per byte", "bytes", "protocol"]
    return _section("Bits per byte", _table([header, *rows])) if rows else ""


def effective_lengths(records):
    """How much context is worth having, model by model and for the group.

    Args:
        records: list of dict.

    Returns:
        str, empty where nothing was measured.
    """
    rows = []
    for found in at_the_same_places(records, "context", "truncate"):
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


def changes(records):
    """The rise in bits when the far context is changed.

    Args:
        records: list of dict.

    Returns:
        str, empty where nothing was measured.
    """
    rows = [
        [
            f"`{model}`",
            one["texts"],
            one["perturbation"].replace("_", " "),
            f"{change['distance']:,}",
            f"{change['mean']:+.3f}",
            f"{change['low']:+.3f} to {change['high']:+.3f}",
            f"{change['count']}",
        ]
        for model, one in _of_task(records, "context")
        for change in one["changes"]
    ]
    header = ["model", "texts", "far context", "left alone", "change", "95 %", "places"]
    words = (
        "The rise in bits per byte of the next bytes when everything but the last "
        "bytes of the context, those *left alone*, is cut off or changed."
    )
    return (
        _section("Changed context", f"{words}\n\n{_table([header, *rows])}")
        if rows
        else ""
    )


def recall(records):
    """Numbers found again.

    Args:
        records: list of dict.

    Returns:
        str, empty where nothing was measured.
    """
    rows = [
        [
            f"`{model}`",
            one["kind"].replace("_", " "),
            f"{score['length']:,}",
            f"{score['depth']:.2f}",
            f"{score['distance']:,}",
            f"{score['accuracy']:.2f} ± {score['standard_error']:.2f}",
            f"{score['chance']:.2f}",
            f"{score['count']}",
        ]
        for model, one in _of_task(records, "recall")
        for score in one["scores"]
    ]
    header = ["model", "probe", "bytes", "depth", "distance", "right", "guess", "n"]
    return _section("Recall", _table([header, *rows])) if rows else ""


def encoder_recall(records):
    """Pass keys that encoders find, by length and depth.

    Args:
        records: list of dict.

    Returns:
        str, empty where nothing was measured.
    """
    found = _of_task(records, "encoder_recall")
    if not found:
        return ""
    depths = sorted({score["depth"] for _, one in found for score in one["scores"]})
    rows = []
    for model, one in found:
        by_depth = {score["depth"]: score for score in one["scores"]}
        whole = overall_recall(one)
        rows.append(
            [
                f"`{model}`",
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


def overall_recall(measurement):
    """Recall at all depths together.

    Args:
        measurement: dict, one of `encoder_recall`.

    Returns:
        dict of `accuracy`, `standard_error` and `count`.
    """
    scores = measurement["scores"]
    count = sum(score["count"] for score in scores)
    accuracy = sum(score["accuracy"] * score["count"] for score in scores) / count
    error = (accuracy * (1 - accuracy) / count) ** 0.5
    return {"accuracy": accuracy, "standard_error": error, "count": count}


def circumstances(records):
    """Where, when and with what it was measured.

    Args:
        records: list of dict.

    Returns:
        str.
    """
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


def _of_task(records, task):
    return [
        (record["model"]["name"], one)
        for record in records
        for one in record["measurements"]
        if one["task"] == task
    ]


def _bytes(number):
    return "no limit" if number is None else f"{number:,}"


def _section(title, text):
    return f"## {title}\n\n{text}\n"


def _table(rows):
    header, *body = rows
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
