"""Points timed in turns: A B C A B C, so that what disturbs one disturbs all."""

import itertools
import statistics
import time

from benchmarks.contestant_process import ContestantError, ContestantProcess
from benchmarks.measurement import available_bytes

LEAST_TURNS, MOST_TURNS = 3, 21
# A turn shorter than this would measure the clock: then it makes several calls.
_TURN_SECONDS = 0.02
# OpenMP's threads wait busily for some milliseconds after a call of PyTorch.
_PAUSE_SECONDS = 0.015
_SHARE_OF_MEMORY = 0.5


def measure_heats(case, points, budget, turns=None, say=print):
    """Measure points heat by heat, each contestant in one process for all of them.

    Args:
        case: `benchmarks.registry.Case` with `contestants`.
        points: list of dicts, those of one heat next to each other.
        budget: float. Seconds of measured calls that a point may take, beyond the
            least number of turns.
        turns: int. Number of turns of every point. Defaults to `None`: as many as
            the budget allows, from 3 to 21.
        say: callable of a line of text. Defaults to `print`.

    Returns:
        list of dicts: each point with `seconds`, `peak_rise_bytes` and what its
        workload tells, or with `skipped`, the reason why it was not run.
    """
    heats = [list(heat) for _, heat in itertools.groupby(points, key=_heat)]
    processes, measured = {}, []
    try:
        for number, heat in enumerate(heats):
            needed = {p["contestant"] for later in heats[number:] for p in later}
            for name in processes.keys() - needed:
                processes.pop(name).close()
            _start(processes, case, heat)
            results = _measure_heat(case, heat, processes, budget, turns)
            for result in results:
                say(_line(result))
            measured += results
    finally:
        for process in processes.values():
            process.close()
    return measured


def turns_of(estimate, budget, turns=None):
    """How often a point is timed, and how many calls a turn makes.

    Args:
        estimate: float. Seconds of a call.
        budget: float. Seconds for all turns.
        turns: int. Defaults to `None`, as many as fit.

    Returns:
        `(turns, calls)`, ints.
    """
    calls = max(1, round(_TURN_SECONDS / max(estimate, 1e-6)))
    if turns is None:
        fitting = int(budget / (estimate * calls))
        turns = min(max(fitting, LEAST_TURNS), MOST_TURNS)
    return turns, calls


def _heat(point):
    return point["group"], point["heat"]


def _start(processes, case, heat):
    """Start what is missing, all at once: importing a backend takes seconds."""
    for name in dict.fromkeys(point["contestant"] for point in heat):
        if name not in processes or not processes[name].is_alive():
            if name in processes:
                processes.pop(name).close()
            processes[name] = ContestantProcess(case.contestants[name])


def _measure_heat(case, heat, processes, budget, turns):
    runners = [_Runner(point, i, processes) for i, point in enumerate(heat)]
    for runner in runners:
        runner.attempt(runner.prepare, case, budget, turns)
    most = max(runner.turns for runner in runners)
    for turn in range(most):
        for runner in runners:
            if runner.is_due(turn, most):
                time.sleep(_PAUSE_SECONDS)
                runner.attempt(runner.take_turn)
    for name in {point["contestant"] for point in heat}:
        if processes[name].is_alive():
            processes[name].ask("release")
    return [runner.result() for runner in runners]


class _Runner:
    """One point on its way through a heat."""

    def __init__(self, point, index, processes):
        self.point, self.index = point, index
        self.process = processes[point["contestant"]]
        self.facts, self.seconds = {}, []
        self.turns, self.calls = 0, 1
        self.skipped = None

    def attempt(self, action, *arguments):
        """Run a step; a contestant that cannot is out, and the reason is kept."""
        try:
            action(*arguments)
        except ContestantError as error:
            self.skipped, self.turns = str(error)[:300], 0

    def prepare(self, case, budget, turns):
        free, needed = available_bytes(), case.required_bytes(**self.point)
        if free is not None and needed > _SHARE_OF_MEMORY * free:
            raise ContestantError(
                f"needs about {needed / 2**30:.1f} GiB of {free / 2**30:.1f} GiB free"
            )
        self.facts = self.process.ask("prepare", self.index, self.point)
        self.facts["peak_rise_bytes"] = self.process.ask("memory", self.index)
        estimate = self.process.ask("estimate", self.index)
        self.turns, self.calls = turns_of(estimate, budget, turns)

    def is_due(self, turn, most):
        """Whether it runs in this turn: its turns are spread over all of them."""
        return turn * self.turns // most != (turn + 1) * self.turns // most

    def take_turn(self):
        self.seconds.append(self.process.ask("time", self.index, self.calls))

    def result(self):
        if self.skipped is not None:
            return {**self.point, "skipped": self.skipped}
        return {
            **self.point,
            **self.facts,
            "calls_a_turn": self.calls,
            "seconds": {
                "median": statistics.median(self.seconds),
                "least": min(self.seconds),
                "greatest": max(self.seconds),
                "all": self.seconds,
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
    seconds, rise = result["seconds"], result["peak_rise_bytes"]
    memory = "unknown" if rise is None else f"{rise / 2**20:.0f} MiB"
    spread = f"{seconds['least'] * 1e3:.2f}-{seconds['greatest'] * 1e3:.2f}"
    return (
        f"{about}: {seconds['median'] * 1e3:.2f} ms ({spread}, "
        f"{len(seconds['all'])} turns of {result['calls_a_turn']}), {memory}"
    )
