"""A contestant's process: answers a command a line, until its input ends.

`benchmarks.contestant_process` starts it and speaks with it. While it waits for a
line it takes no processor time.
"""

import json
import os
import sys
import time

from benchmarks.measurement import (
    peak_resident_bytes,
    peak_rise,
    release_freed_memory,
    time_calls,
)
from benchmarks.registry import Contestant

# Long enough to tell what one call takes.
_ESTIMATE_SECONDS = 0.05


def main(argv=None):
    """Serve the contestant whose JSON is the argument."""
    (description,) = sys.argv[1:] if argv is None else argv
    # Libraries may print: only the answers go to the parent.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(Contestant(**json.loads(description)))
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        answers.write(json.dumps(worker.answer(command, arguments)) + "\n")
        answers.flush()


class Worker:
    """What one process has prepared, and the commands it understands.

    Args:
        contestant: `Contestant` whose points it prepares.
    """

    def __init__(self, contestant):
        self.contestant = contestant
        self.workloads = {}
        self.has_run = False
        self.commands = {
            "prepare": self.prepare,
            "memory": self.memory,
            "peak": self.peak,
            "estimate": self.estimate,
            "time": self.time,
            "release": self.release,
        }

    def answer(self, command, arguments):
        """`{"answer": ...}`, or `{"error": ...}` in words."""
        try:
            return {"answer": self.commands[command](*arguments)}
        # Whatever a library of others raises is told to the parent, which decides.
        except Exception as error:  # noqa: BLE001
            return {"error": f"{type(error).__name__}: {error}"}

    def prepare(self, index, point):
        """Make a point's inputs, and run it once where that compiles something."""
        workload = self.contestant.prepare(**point)
        self.workloads[index] = workload
        if self.has_run and self.contestant.is_eager:
            return workload.facts
        start = time.perf_counter()
        workload.run()
        self.has_run = True
        return {**workload.facts, "first_seconds": time.perf_counter() - start}

    def memory(self, index):
        """Bytes that a call takes at its peak."""
        workload = self.workloads[index]
        if workload.peak_rise is not None:
            return workload.peak_rise()
        return peak_rise(workload.run)

    def peak(self):
        """Bytes that this process had at its peak, everything included."""
        return peak_resident_bytes()

    def estimate(self, index):
        """Seconds a call, roughly."""
        run, calls = self.workloads[index].run, 1
        seconds = time_calls(run, calls)
        while seconds * calls < _ESTIMATE_SECONDS and calls < 2**12:
            calls *= 4
            seconds = time_calls(run, calls)
        return seconds

    def time(self, index, calls):
        """Seconds a call, over so many in a row."""
        return time_calls(self.workloads[index].run, calls)

    def release(self):
        """Forget every point."""
        self.workloads.clear()
        release_freed_memory()


if __name__ == "__main__":
    main()
