"""Machine, versions and commit of a measurement."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

_PACKAGES = (
    "keras",
    "keras-hub",
    "tensorflow",
    "jax",
    "jaxlib",
    "torch",
    "transformers",
    "numpy",
)
# Code on which results depend.
_MEASURED = ("longkeras", "benchmarks", ":!benchmarks/results")
_ROOT = Path(__file__).resolve().parents[1]


def versions():
    """dict. Versions of Python and of the installed packages that matter."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware():
    """dict. Processor, its cores that this process may use, and memory."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.system(),
        "gpu": gpu(),
    }


def gpu():
    """str or None. The name of the first NVIDIA GPU, where its driver reports one."""
    if shutil.which("nvidia-smi") is None:
        return None
    answer = subprocess.run(
        ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
    )
    names = answer.stdout.strip().splitlines()
    return names[0] if names and not answer.returncode else None


def machine_name(platform="cpu"):
    """str. Short name of the hardware, fit for a file."""
    facts = hardware()
    words = f"{facts['processor']} {facts['cores']} cores"
    if platform == "gpu" and gpu() is not None:
        words = gpu()
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def commit():
    """dict. The commit's hash, and whether the measured code differs from it."""
    return {
        "hash": _git("rev-parse", "HEAD"),
        "is_modified": bool(_git("status", "--porcelain", *_MEASURED)),
    }


def load():
    """float or None. Running processes over the last minute: 0 on a quiet machine."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _processor():
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(*arguments):
    answer = subprocess.run(
        ["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None
