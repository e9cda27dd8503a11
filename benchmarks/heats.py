"""Timing of points in turns, A B C A B C, so that disturbances affect all of them."""

import itertools
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.contestant_process import ContestantError, ContestantProcess
from benchmarks.measurement import available_bytes

MOST_TURNS = 15
# Shorter turns would measure the clock, so they make several calls.
_TURN_SECONDS = 0.02
# OpenMP's threads spin for some milliseconds after a PyTorch call.
_PAUSE_SECONDS = 0.015
# The largest share of free memory for the points being prepared.
_SHARE_OF_MEMORY = 0.8
_PREPARED_AT_ONCE = 2
# Calls of this length are not repeated more often than necessary.
_SLOW_SECONDS = 1.0


def measure_heats(case, points, budget, turns=None, say=print):
    """Measure points heat by heat, each contestant in one process for all of them.

    Args:
        case: `benchmarks.registry.Case` with `contestants`.
        points: list of dicts, those of one heat next to each other.
        budget: float. Seconds of measured calls that a point may take, beyond the
            least number of turns.
        turns: int. Number of turns of every point. Defaults to `None`: as many as
            the budget allows, from the case's least to 15.
        say: callable of a line of text. Defaults to `print`.

    Returns:
        list of dicts: each point with `seconds`, `peak_rise_bytes` (or
        `peak_rss_bytes`, that of the process, where processes are fresh) and what
        of its workload, or with `skipped`, the reason why it was not run.
    """
    heats = [list(heat) for _, heat in itertools.groupby(points, key=_heat)]
    measured = []
    with _Processes(case) as processes:
        for number, heat in enumerate(heats):
            processes.keep_only(p for later in heats[number:] for p in later)
            results = _measure_heat(case, heat, processes, budget, turns)
            for result in results:
                say(_line(result))
            measured += results
    return measured


def turns_of(estimate, budget, turns=None, least=3):
    """Number of turns of a point, and of calls in a turn.

    Args:
        estimate: float. Seconds of a call.
        budget: float. Seconds for all turns.
        turns: int. Defaults to `None`: as many as fit.
        least: int. Minimum number of turns. Defaults to `3`.

    Returns:
        `(turns, calls)`, ints.
    """
    calls = max(1, round(_TURN_SECONDS / max(estimate, 1e-6)))
    if turns is None:
        fitting = int(budget / (estimate * calls))
        turns = min(max(fitting, least), MOST_TURNS)
    return turns, calls


def _heat(point):
    return point["group"], point["heat"]


class _Processes:
    """The running processes: one per contestant, and one for its memory."""

    def __init__(self, case):
        self.case = case
        self._alive = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for process in self._alive.values():
            process.close()

    def start(self, name):
        """The process of a contestant and the one for its memory, possibly the same."""
        contestant = self.case.contestants[name]
        has_two = contestant.memory_environment is not None
        kinds = [(name, False), (name, has_two)]
        for kind in kinds:
            if kind in self._alive and not self._alive[kind].is_alive():
                self._alive.pop(kind).close()
            if kind not in self._alive:
                self._alive[kind] = ContestantProcess(contestant, kind[1])
        return [self._alive[kind] for kind in kinds]

    def keep_only(self, points):
        """End the processes of contestants without a point among these."""
        needed = {point["contestant"] for point in points}
        for kind in [kind for kind in self._alive if kind[0] not in needed]:
            self._alive.pop(kind).close()

    def release(self):
        """Release the points of every process, or end it."""
        if self.case.has_fresh_processes:
            self.keep_only([])
        for process in self._alive.values():
            if process.is_alive():
                process.ask("release")


def _measure_heat(case, heat, processes, budget, turns):
    runners = [_Runner(point, i) for i, point in enumerate(heat)]
    _prepare(case, runners, processes)
    for runner in runners:
        if runner.point["group"] not in case.groups_called_once:
            runner.attempt(runner.estimate, budget, turns, case.least_turns)
    most = max(runner.turns for runner in runners)
    for turn in range(most):
        for runner in runners:
            if runner.is_due(turn, most):
                time.sleep(_PAUSE_SECONDS)
                runner.attempt(runner.take_turn)
    if case.has_fresh_processes:
        for runner in runners:
            runner.attempt(runner.take_peak)
    processes.release()
    return [runner.result() for runner in runners]


def _prepare(case, runners, processes):
    """Compile and measure memory, the contestants in parallel."""
    by_contestant = {}
    for runner in runners:
        by_contestant.setdefault(runner.point["contestant"], []).append(runner)

    def prepare(name):
        process, memory_process = processes.start(name)
        for runner in by_contestant[name]:
            has_memory = not (
                case.has_fresh_processes
                or runner.point["group"] in case.groups_without_memory
            )
            runner.process = process
            runner.memory_process = memory_process if has_memory else None
            runner.attempt(runner.prepare, case)

    # Importing a backend takes seconds, so all missing processes start at once.
    for name in by_contestant:
        processes.start(name)
    with ThreadPoolExecutor(_prepared_at_once(case)) as pool:
        list(pool.map(prepare, by_contestant))


def _prepared_at_once(case):
    return 1 if case.has_fresh_processes else _PREPARED_AT_ONCE


class _Runner:
    """The measurement of one point in a heat."""

    def __init__(self, point, index):
        self.point, self.index = point, index
        self.process = self.memory_process = None
        self.facts, self.seconds = {}, []
        self.turns, self.calls = 0, 1
        self.skipped = None

    def attempt(self, action, *arguments):
        """Run a step. If it fails, the point is skipped and the reason is kept."""
        if self.skipped is not None:
            return
        try:
            action(*arguments)
        except ContestantError as error:
            self.skipped, self.turns = str(error)[:300], 0

    def prepare(self, case):
        free, needed = available_bytes(), case.required_bytes(**self.point)
        share = _SHARE_OF_MEMORY / _prepared_at_once(case)
        if free is not None and needed > share * free:
            raise ContestantError(
                f"needs about {needed / 2**30:.1f} GiB of {free / 2**30:.1f} GiB free"
            )
        self.facts = self.process.ask("prepare", self.index, self.point)
        self.facts["peak_rise_bytes"] = None
        if self.memory_process is not None:
            if self.memory_process is not self.process:
                self.memory_process.ask("prepare", self.index, self.point)
            rise = self.memory_process.ask("memory", self.index)
            self.facts["peak_rise_bytes"] = rise

    def estimate(self, budget, turns, least):
        time.sleep(_PAUSE_SECONDS)
        estimate = self.process.ask("estimate", self.index)
        self.turns, self.calls = turns_of(estimate, budget, turns, least)
        if estimate > _SLOW_SECONDS and self.turns > 1:
            # A single call between those of the others counts as a turn.
            self.turns -= 1
            self.seconds.append(estimate)

    def is_due(self, turn, most):
        """Return True if it runs in this turn. Turns are spread evenly over all."""
        return turn * self.turns // most != (turn + 1) * self.turns // most

    def take_turn(self):
        self.seconds.append(self.process.ask("time", self.index, self.calls))

    def take_peak(self):
        self.facts["peak_rss_bytes"] = self.process.ask("peak")

    def result(self):
        if self.skipped is not None:
            return {**self.point, "skipped": self.skipped}
        # Without a turn, the first call is the measurement.
        seconds = self.seconds or [self.facts["first_seconds"]]
        return {
            **self.point,
            **self.facts,
            "calls_a_turn": self.calls,
            "seconds": {
                "median": statistics.median(seconds),
                "least": min(seconds),
                "greatest": max(seconds),
                "all": seconds,
            },
        }


def _line(result):
    about = f"{result['group']}, {result['heat']}: {result['contestant']}"
    about += "".join(
        f", {name} {result[name]}"
        for name in ("length", "reach", "num_globals")
        if result.get(name) is not None
    )
    if "skipped" in result:
        return f"{about}: not run: {result['skipped']}"
    seconds = result["seconds"]
    rise = result.get("peak_rss_bytes", result["peak_rise_bytes"])
    memory = "unknown" if rise is None else f"{rise / 2**20:.0f} MiB"
    spread = f"{seconds['least'] * 1e3:.2f}-{seconds['greatest'] * 1e3:.2f}"
    return (
        f"{about}: {seconds['median'] * 1e3:.2f} ms ({spread}, "
        f"{len(seconds['all'])} turns of {result['calls_a_turn']}), {memory}"
    )
