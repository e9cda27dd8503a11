"""Measures one point of a case: the fresh process that `benchmarks.run` starts.

python -m benchmarks.point attention_memory '{"contestant": ..., "length": ...}' 3
"""

import json
import sys

from benchmarks.measurement import measure
from benchmarks.registry import load_case

_SHORT = 64


def main(argv=None):
    """Measure the point and write its result as the last line of the output."""
    name, point, repeats = sys.argv[1:] if argv is None else argv
    point = json.loads(point)
    case = load_case(name)
    # The first compiled program takes extra memory, so compile a short one first.
    case.prepare(**{**point, "length": _SHORT}).run()
    workload = case.prepare(**point)
    result = {**point, **workload.facts, **measure(workload.run, int(repeats))}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
