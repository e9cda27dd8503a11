"""Client of a contestant's process."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}


class ContestantError(RuntimeError):
    """Raised if a contestant fails; the message gives the reason."""


class ContestantProcess:
    """A process that prepares, runs and measures the points of one contestant.

    Args:
        contestant: `benchmarks.registry.Contestant`.
        is_for_memory: bool. Start it with the contestant's `memory_environment` too.
            Defaults to `False`.
    """

    def __init__(self, contestant, is_for_memory=False):
        self._errors = tempfile.TemporaryFile(mode="w+", encoding="utf-8")  # noqa: SIM115
        description = json.dumps(dataclasses.asdict(contestant))
        environment = {**_QUIET, **os.environ, **contestant.environment}
        if is_for_memory:
            environment |= contestant.memory_environment
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", description],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def ask(self, command, *arguments):
        """Send a command and wait for its answer.

        Args:
            command: str, see `benchmarks.worker.Worker`.
            *arguments: what the command takes, fit for JSON.

        Returns:
            The answer.

        Raises:
            ContestantError: If the command failed, or the process ended.
        """
        try:
            self._process.stdin.write(json.dumps([command, *arguments]) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self._process.wait()
            raise ContestantError(f"process ended with code {code}: {self._last()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ContestantError(answer["error"])
        return answer["answer"]

    def is_alive(self):
        """bool. True while the process accepts commands."""
        return self._process.poll() is None

    def close(self):
        """End the process."""
        if self.is_alive():
            self._process.stdin.close()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _last(self):
        self._errors.seek(0)
        return self._errors.read()[-300:].strip()
