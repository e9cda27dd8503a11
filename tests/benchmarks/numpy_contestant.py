"""A contestant that starts at once: what the turns are tested with."""

import numpy as np

from benchmarks.registry import Workload


def prepare(contestant, length, group, heat):
    """Takes memory and a little time; refuses length 13."""
    if length == 13:
        raise ValueError("`length` must not be 13. Received: length=13")
    print("a library says something on the standard output")

    def run():
        return np.sort(np.random.default_rng(0).random(length))

    return Workload(run=run, facts={"name": contestant})
