"""The pictures of the evaluation report: bits, and pass keys that encoders find."""

from benchmarks.log_log_picture import Panel, Series, picture
from longkeras.evaluation import estimate_mean


def pictures(records):
    """Bits against the length of the context and the position; recall by distance.

    Args:
        records: list of dict, from `read_records`.

    Returns:
        dict of SVG text by name.
    """
    names = sorted({record["model"]["name"] for record in records})
    panels = {
        "context": list(_panels(records, "context", "bytes of context", _context)),
        "position": list(
            _panels(records, "positions", "bytes read before", _positions)
        ),
        "passkey": list(_recall_panels(records)),
    }
    return {
        name: picture(found, names)
        for name, found in panels.items()
        if any(panel.series for panel in found)
    }


def _panels(records, task, x_label, make_series):
    measurements = [
        (record["model"]["name"], one)
        for record in records
        for one in record["measurements"]
        if one["task"] == task and one.get("perturbation") in (None, "truncate")
    ]
    for texts in sorted({one["texts"] for _, one in measurements}):
        series = tuple(
            make_series(model, one)
            for model, one in measurements
            if one["texts"] == texts
        )
        title = f"{texts}, 95 % intervals"
        yield Panel(title, x_label, "bits per byte", series, has_even_y=True)


def _recall_panels(records):
    measurements = [
        (record["model"]["name"], one)
        for record in records
        for one in record["measurements"]
        if one["task"] == "encoder_recall"
    ]
    for length in sorted({one["length"] for _, one in measurements}):
        series = tuple(
            Series(
                model,
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
