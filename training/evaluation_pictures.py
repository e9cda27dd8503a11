"""Pictures of the evaluation report: bits per byte and recall."""

import collections
import math

from longkeras.evaluation import estimate_mean
from tools.log_log_picture import Panel, Series, picture
from training.evaluation_record import comparable_measurements, measurements_of

_CHANCE = "chance"


def pictures(records):
    """Bits against the length of the context and the position; recall by distance.

    Args:
        records: list of dict, from `read_records`.

    Returns:
        dict of SVG text by name.
    """
    names = sorted({record["model"]["name"] for record in records})
    panels = {
        "context": list(_context_panels(records)),
        "position": list(_position_panels(records)),
        "recall": list(_likelihood_panels(records)),
        "passkey": list(_recall_panels(records)),
    }
    names.append(_CHANCE)
    return {
        name: picture(found, names)
        for name, found in panels.items()
        if any(panel.series for panel in found)
    }


def _context_panels(records):
    for group in comparable_measurements(records, "context", "truncate"):
        farthest = max(one["context_length"] for _, one in group)
        title = f"{group[0][1]['texts']}, {farthest:,} bytes, 95 % intervals"
        yield _bits_panel(title, "bytes of context", group, _context)


def _position_panels(records):
    for group in comparable_measurements(records, "positions"):
        title = f"{group[0][1]['texts']}, 95 % intervals"
        yield _bits_panel(title, "bytes read before", group, _positions)


def _bits_panel(title, x_label, group, make_series):
    series = tuple(make_series(model, one) for model, one in group)
    return Panel(title, x_label, "bits per byte", series, has_even_y=True)


def _likelihood_panels(records):
    """Recall of language models by distance, and how far back each can see at all."""
    measurements = measurements_of(records, "recall")
    for kind in sorted({one["kind"] for _, one in measurements}):
        shown = [(model, one) for model, one in measurements if one["kind"] == kind]
        series = [_by_distance(model["name"], one["scores"]) for model, one in shown]
        farthest = max(x for each in series for x, _ in each.pairs)
        chance = shown[0][1]["scores"][0]["chance"]
        nearest = min(x for each in series for x, _ in each.pairs)
        ends = ((nearest, chance), (farthest, chance))
        yield Panel(
            f"{kind}, 95 % intervals; dotted: reach",
            "bytes from the number to the question",
            "right number likeliest",
            (*series, Series(_CHANCE, ends, is_dashed=True)),
            has_even_y=True,
            limits=tuple(
                (model["name"], reach)
                for model, _ in shown
                if (reach := model["theoretical_reach"]) and reach <= 2 * farthest
            ),
        )


def _by_distance(name, scores):
    """A point for each half octave of distances, with its binomial interval."""
    bins = collections.defaultdict(list)
    for score in scores:
        bins[round(2 * math.log2(score["distance"]))].append(score)
    pairs, errors = [], []
    for _, found in sorted(bins.items()):
        count = sum(score["count"] for score in found)
        share = sum(score["accuracy"] * score["count"] for score in found) / count
        distance = sum(score["distance"] * score["count"] for score in found) / count
        # Wilson's interval, which has a width even if all or none are right.
        middle = (share + 1.92 / count) / (1 + 3.84 / count)
        half = 1.96 * math.sqrt(share * (1 - share) / count + 0.96 / count**2)
        half /= 1 + 3.84 / count
        pairs.append((distance, share))
        errors.append((max(0.0, middle - half), middle + half))
    return Series(name, tuple(pairs), errors=tuple(errors))


def _recall_panels(records):
    measurements = measurements_of(records, "encoder_recall")
    for length in sorted({one["length"] for _, one in measurements}):
        series = tuple(
            Series(
                model["name"],
                tuple((each["distance"], each["accuracy"]) for each in one["scores"]),
            )
            for model, one in measurements
            if one["length"] == length
        )
        x_label = "bytes from the pass key to the end"
        title = f"texts of {length:,} bytes"
        yield Panel(title, x_label, "keys found", series, has_even_y=True)


def _context(model, one):
    lengths = [change["distance"] for change in one["changes"]]
    estimates = [estimate_mean(row) for row in one["bits_by_place"]]
    return _series(
        model,
        [
            (length, vars(estimate))
            for length, estimate in zip(
                [*lengths, one["context_length"]], estimates, strict=True
            )
        ],
    )


def _positions(model, one):
    # The first bin has no logarithm: it is shown at half of the next.
    return _series(
        model, [(max(each["start"], each["end"] // 2), each) for each in one["bins"]]
    )


def _series(model, points):
    pairs = tuple((x, estimate["mean"]) for x, estimate in points)
    errors = tuple((estimate["low"], estimate["high"]) for _, estimate in points)
    return Series(model, pairs, errors=errors)
