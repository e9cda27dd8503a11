"""Process of a contestant: answers one command per line until its input ends.

`benchmarks.contestant_process` starts it and sends the commands. It uses no processor
time while it waits.
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

# Long enough to estimate the time of one call.
_ESTIMATE_SECONDS = 0.05


def main(argv=None):
    """Serve the contestant whose JSON is the argument."""
    (description,) = sys.argv[1:] if argv is None else argv
    # Libraries may print, but only answers must reach the parent.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(Contestant(**json.loads(description)))
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        answers.write(json.dumps(worker.answer(command, arguments)) + "\n")
        answers.flush()


class Worker:
    """The prepared points of a process, and its commands.

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
        """`{"answer": ...}`, or `{"error": ...}` with a message."""
        try:
            return {"answer": self.commands[command](*arguments)}
        # Any exception of a library is reported to the parent, which decides.
        except Exception as error:  # noqa: BLE001
            return {"error": f"{type(error).__name__}: {error}"}

    def prepare(self, index, point):
        """Make the inputs of a point, and run it once if that compiles something."""
        workload = self.contestant.prepare(**point)
        self.workloads[index] = workload
        if self.has_run and self.contestant.is_eager:
            return workload.facts
        start = time.perf_counter()
        workload.run()
        self.has_run = True
        return {**workload.facts, "first_seconds": time.perf_counter() - start}

    def memory(self, index):
        """Peak bytes of a call."""
        workload = self.workloads[index]
        if workload.peak_rise is not None:
            return workload.peak_rise()
        return peak_rise(workload.run)

    def peak(self):
        """Peak bytes of the whole process."""
        return peak_resident_bytes()

    def estimate(self, index):
        """Approximate seconds per call."""
        run, calls = self.workloads[index].run, 1
        seconds = time_calls(run, calls)
        while seconds * calls < _ESTIMATE_SECONDS and calls < 2**12:
            calls *= 4
            seconds = time_calls(run, calls)
        return seconds

    def time(self, index, calls):
        """Seconds per call, over a number of consecutive calls."""
        return time_calls(self.workloads[index].run, calls)

    def release(self):
        """Release every point."""
        self.workloads.clear()
        release_freed_memory()


if __name__ == "__main__":
    main()
