"""Targets of the decoding case."""

from benchmarks.target_rows import find_point, median_seconds, target_row
from tools.log_log_picture import Panel, Series, picture

LENGTH, WINDOW, NUM_TOKENS = 4096, 256, 32
LENGTHS = (1024, 4096, 16384)
_LEAST = {
    "ours_tensorflow": 6.0,
    "ours_jax": 6.0,
    "ours_tensorflow_stream": 4.0,
    "ours_jax_stream": 4.0,
}
_PEERS = {"huggingface": "Llama", "huggingface_window": "Mistral"}


def evaluate(points):
    """Compare the measured points with the targets.

    Args:
        points: list of dicts, the results of the decoding case.

    Returns:
        list of dicts of str: the `target`, what was `reached`; and `is_met`, a bool,
        or None where there is no target, it was not measured, or the text is short.
    """
    measured = [point for point in points if "skipped" not in point]
    rows = [
        *(
            _ratio(measured, ours, "huggingface", least)
            for ours, least in _LEAST.items()
        ),
        *(_ratio(measured, ours, "huggingface_window") for ours in _LEAST),
        _growth(measured, "sliding window", 1.2),
        _growth(measured, "LSTM", 1.2),
        _growth(measured, "full attention"),
    ]
    if all(point["length"] in LENGTHS for point in measured):
        return rows
    return [{**row, "is_met": None} for row in rows]


def pictures(result):
    """Time per token against the length of the prompt, as SVG by name."""
    series = {}
    for point in result["points"]:
        if "skipped" not in point and point["group"] == "growing length":
            pair = point["length"], 1e3 * _per_token(point)
            series.setdefault(point["heat"], []).append(pair)
    if not series:
        return {}
    lines = tuple(Series(name, tuple(pairs)) for name, pairs in series.items())
    panel = Panel(
        "longkeras, TensorFlow", "tokens in the prompt", "ms per token", lines
    )
    return {"decoding_length": picture([panel], list(series))}


def _ratio(measured, ours, peer, least=None):
    way = "stream" if ours.endswith("_stream") else "generate"
    backend = "JAX" if "jax" in ours else "TensorFlow"
    target = f"{way}, {backend}: Hugging Face's {_PEERS[peer]} ÷ ours" + (
        "" if least is None else f" ≥ {least:g}"
    )
    found = [
        find_point(measured, contestant=name, length=LENGTH) for name in (ours, peer)
    ]
    if None in found:
        return target_row(target, "not measured")
    one, other = map(median_seconds, found)
    reached = f"{other / one:.1f} ({1e3 * other:.0f} ÷ {1e3 * one:.0f} ms)"
    return target_row(target, reached, None if least is None else other / one >= least)


def _growth(measured, model, most=None):
    short, long = LENGTHS[0], LENGTHS[-1]
    target = f"{model}: time per token after {long:,} ÷ after {short:,} tokens" + (
        "" if most is None else f" ≤ {most:g}"
    )
    found = [
        find_point(measured, group="growing length", heat=model, length=length)
        for length in (long, short)
    ]
    if None in found:
        return target_row(target, "not measured")
    late, early = map(_per_token, found)
    reached = f"{late / early:.2f} ({1e3 * late:.2f} ÷ {1e3 * early:.2f} ms)"
    return target_row(target, reached, None if most is None else late <= most * early)


def _per_token(point):
    return median_seconds(point) / point["num_tokens"]
