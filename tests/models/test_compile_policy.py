"""Who decides whether XLA compiles a task: its user, else what is quicker."""

import types

import keras
import pytest

from longkeras.fitting import should_jit_compile
from longkeras.models.base.compile_defaults import CompilePolicy
from longkeras.ops.backend.device import runs_on_cpu


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


class RecurrentTask(Task):
    """One with a recurrent backbone."""

    backbone = types.SimpleNamespace(recurrent_stack=None)


BACKEND = keras.backend.backend()


@pytest.mark.parametrize(
    ("kind", "helps"),
    [
        (Task, {"tensorflow": not runs_on_cpu(), "jax": True}),
        (RecurrentTask, {"jax": True}),
    ],
)
def test_the_choice_is_made_anew_where_a_file_is_read(kind, helps):
    task = kind()
    task.compile()
    assert should_jit_compile(task) == helps.get(BACKEND, False)
    assert task.jit_compile == ("auto" if should_jit_compile(task) else False)
    assert task.get_compile_config() == {"jit_compile": "auto"}
