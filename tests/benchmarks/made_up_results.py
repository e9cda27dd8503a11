"""A result of a whole run that nobody measured, for tests of what is told of it."""

from benchmarks.contestants.setting import Setting
from benchmarks.registry import load_case

# How much slower than ours, at any size.
SLOWNESS = {"huggingface": 5.0, "flex": 2.0, "sdpa": 4.0, "cudnn_jax": 1.5}


def seconds_of(point):
    """Linear in the work, and never below a millisecond."""
    setting = Setting(**point)
    library = point["contestant"].partition("_")[0]
    slowness = SLOWNESS.get(point["contestant"], 1.0 if library == "ours" else 12.0)
    return 1e-3 + setting.flops() / 5e10 * slowness


def measured(point):
    """The point as if it had been run: skipped where full attention is too large."""
    if point["contestant"].startswith("window") and point["length"] > 8192:
        return {**point, "skipped": "needs about 40.0 GiB of 20.0 GiB free"}
    seconds = seconds_of(point)
    rise = 2**20 * (5 + seconds * 100)
    return {
        **point,
        **Setting(**point).facts(),
        "calls_a_turn": 1,
        "first_seconds": 2.0,
        "peak_rise_bytes": rise,
        "seconds": {
            "median": seconds,
            "least": 0.9 * seconds,
            "greatest": 1.2 * seconds,
            "all": [seconds] * 3,
        },
    }


def whole_result(platform="cpu"):
    """Every point of the attention case, evaluated."""
    case = load_case("attention", platform)
    points = [measured(point) for point in case.points]
    return {
        "case": "attention",
        "title": case.title,
        "description": case.description,
        "date": "2026-01-02T03:04:05+00:00",
        "backend": platform,
        "commit": {"hash": "0123456789abcdef", "is_modified": False},
        "versions": {"keras": "3.0", "tensorflow": "2.0", "torch": "2.9"},
        "hardware": {
            "processor": "CPU",
            "cores": 2,
            "memory_bytes": 2**33,
            "gpu": None,
        },
        "load_before": 0.1,
        "took_seconds": 600.0,
        "contestants": {name: c.title for name, c in case.contestants.items()},
        "targets": case.evaluate(points),
        "points": points,
    }
