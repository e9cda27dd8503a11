"""Seconds and bytes of a workload, measured in the process that runs it."""

import ctypes
import gc
import resource
import statistics
import sys
import time
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")


def measure(run, repeats):
    """Time and peak memory of a workload.

    Memory is the peak of the resident set in the measured calls, less what was
    resident before the very first call: program, weights and inputs do not count,
    and what compiling took is given back before measuring. (Some backends keep a
    program's scratch memory between calls, so a base taken later would hide it.)

    Args:
        run: callable without arguments.
        repeats: int. Number of measured calls, at least 1.

    Returns:
        dict with `seconds` (median, least, greatest, all), `peak_rss_bytes` of the
        process and `peak_rise_bytes` of the calls (None where the operating
        system cannot tell).
    """
    release_freed_memory()
    before = resident_bytes()
    run()
    release_freed_memory()
    reset_peak()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    peak = peak_resident_bytes()
    return {
        "seconds": {
            "median": statistics.median(seconds),
            "least": min(seconds),
            "greatest": max(seconds),
            "all": seconds,
        },
        "peak_rss_bytes": peak,
        "peak_rise_bytes": None if before is None else peak - before,
    }


def peak_rise(run):
    """Bytes that one call takes at its peak, above what is resident before it.

    Call `run` before: then neither the program nor compiling it counts.

    Args:
        run: callable without arguments.

    Returns:
        int, or None where the operating system cannot tell.
    """
    release_freed_memory()
    before = resident_bytes()
    if before is None:
        run()
        return None
    reset_peak()
    run()
    return peak_resident_bytes() - before


def time_calls(run, calls):
    """Seconds a call, over so many calls in a row."""
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def available_bytes():
    """Memory that can be taken without swapping, or None where unknown."""
    if not Path("/proc/meminfo").exists():
        return None
    return _kilobytes(Path("/proc/meminfo"), "MemAvailable") * 1024


def release_freed_memory():
    """Give what was freed, and kept for reuse, back to the operating system."""
    gc.collect()
    if sys.platform == "linux":
        # Memory freed but kept for reuse would hide the first megabytes of a rise.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def resident_bytes():
    """Memory of this process, or None where no peak could be compared with it."""
    return _kilobytes(_STATUS, "VmRSS") * 1024 if _CLEAR_REFS.exists() else None


def reset_peak():
    """Let the peak begin anew at what is resident now."""
    if _CLEAR_REFS.exists():
        _CLEAR_REFS.write_text("5")


def peak_resident_bytes():
    """The most memory that this process had at once."""
    if _STATUS.exists():
        return _kilobytes(_STATUS, "VmHWM") * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _kilobytes(path, name):
    for line in path.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise ValueError(f"`{path}` must have a line {name!r}. Received: none")
