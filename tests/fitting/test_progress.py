"""What a run says of itself, and when XLA serves it."""

import logging
import math
import re

import keras
import pytest

from longkeras.fitting import ProgressLog, should_jit_compile
from longkeras.ops.backend.device import runs_on_cpu
from tests.models.small_models import small_model


def test_lines_tell_step_bits_speed_and_time_left(caplog):
    progress = ProgressLog(total_steps=20, tokens_per_step=64, first_step=4, interval=3)
    with caplog.at_level(logging.INFO, "longkeras.fitting"):
        for batch in range(8):
            progress.on_train_batch_end(batch, {"loss": 2 * math.log(2)})
    steps = [re.match(r"step (\d+)/20, 2\.000 bits", m) for m in caplog.messages]
    assert [int(match.group(1)) for match in steps] == [6, 9, 12]
    assert all("tokens/s" in m and "min left" in m for m in caplog.messages)


def test_the_first_step_which_compiles_is_not_timed(caplog):
    progress = ProgressLog(total_steps=20, tokens_per_step=64, interval=1)
    with caplog.at_level(logging.INFO, "longkeras.fitting"):
        progress.on_train_batch_end(0, {"loss": 1.0})
        assert not caplog.messages
        progress.on_train_batch_end(1, {"loss": 1.0})
    assert len(caplog.messages) == 1


def test_tensorflow_without_a_gpu_trains_in_its_own_graph():
    # XLA once compiled each step of a windowed model anew.
    backend = keras.backend.backend()
    in_graph = backend == "tensorflow" and runs_on_cpu()
    is_compiled = backend != "torch" and not in_graph
    assert should_jit_compile(small_model("windowed")) == is_compiled
    assert should_jit_compile(small_model("gru")) == (backend == "jax")


@pytest.mark.parametrize("kind", ["windowed", "lstm"])
def test_long_runs_of_narrow_models_are_compiled(kind):
    model = small_model(kind)
    backend = keras.backend.backend()
    is_compiled = backend == "jax" or (backend == "tensorflow" and runs_on_cpu())
    assert should_jit_compile(model, num_steps=1000) == is_compiled
    assert should_jit_compile(model, num_steps=999) == should_jit_compile(model)


def test_bits_a_byte_are_told_where_the_bytes_of_a_token_are_known(caplog):
    progress = ProgressLog(20, tokens_per_step=64, interval=2, bytes_per_token=4.0)
    with caplog.at_level(logging.INFO, "longkeras.fitting"):
        for batch in range(2):
            progress.on_train_batch_end(batch, {"loss": 8 * math.log(2)})
    assert "2.000 bits a byte" in caplog.text
