"""Who decides whether XLA compiles a task: its user, else what is quicker."""

import keras
import pytest

from longkeras.models.compile_policy import CompilePolicy
from longkeras.ops.implementations.platform import runs_on_cpu


class Recorded:
    """Stands for a KerasHub task: keeps what it is compiled with."""

    def compile(self, *args, jit_compile="auto"):
        self.jit_compile = jit_compile

    def get_compile_config(self):
        return {"jit_compile": self.jit_compile}


class Task(CompilePolicy, Recorded):
    """A task with the policy."""


@pytest.mark.parametrize("asked", [True, False])
def test_the_user_wins(asked):
    task = Task()
    task.compile(jit_compile=asked)
    assert task.jit_compile is task.get_compile_config()["jit_compile"] is asked


def test_the_choice_is_made_anew_where_a_file_is_read():
    task = Task()
    task.compile()
    in_graph = keras.backend.backend() == "tensorflow" and runs_on_cpu()
    assert task.jit_compile == (False if in_graph else "auto")
    assert task.get_compile_config() == {"jit_compile": "auto"}
