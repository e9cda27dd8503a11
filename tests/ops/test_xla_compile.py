"""Long texts on TensorFlow run as one program, with the same results."""

import keras
import numpy as np
import pytest

from longkeras.ops import banded_attention
from longkeras.ops.backend import xla_compile
from longkeras.patterns import BandedPattern
from tests.ops.agreement import attention, check_against_reference
from tests.ops.cases import Case

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the other backends need no help"
)


@pytest.mark.slow
def test_a_long_text_is_answered_as_the_reference_answers():
    pattern = BandedPattern(4, 3, (1, 5))

    check_against_reference(
        Case(pattern, length=1030, batch=1, padding="holes", dropout=0.2)
    )


def test_one_program_serves_equal_calls_and_a_short_text_needs_none():
    pattern = BandedPattern(2, 2)
    xla_compile._program.cache_clear()

    for length in (1023, 1024, 1024, 1040):
        case = Case(pattern, length=length, batch=1)
        attention(case, "blocked")(*case.tensors())

    assert xla_compile._program.cache_info().misses == 1
    assert xla_compile._program.cache_info().hits == 2


@pytest.mark.parametrize("length", [None, pytest.param(300, marks=pytest.mark.slow)])
def test_a_graph_holds_one_program_for_all_its_layers(length):
    import tensorflow as tf

    pattern = BandedPattern(2, 2)
    xla_compile._program.cache_clear()

    @tf.function(input_signature=[tf.TensorSpec((1, length, 1, 4), "float32")])
    def two_layers_and_gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = banded_attention(x, x, x, pattern)
            y = banded_attention(y, y, y, pattern)
            total = tf.reduce_sum(y * y)
        return y, tape.gradient(total, x)

    x = tf.constant(np.random.default_rng(0).normal(size=(1, 300, 1, 4)), "float32")
    in_graph = two_layers_and_gradient(x)
    assert xla_compile._program.cache_info().misses == 1
    step_by_step = two_layers_and_gradient.python_function(x)
    for ours, expected in zip(in_graph, step_by_step, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_one_score_matrix_is_no_program():
    # XLA would compile a model around it anew in every step.
    import tensorflow as tf

    pattern = BandedPattern(250, 250)
    xla_compile._program.cache_clear()

    @tf.function
    def attend(x):
        return banded_attention(x, x, x, pattern)

    (x, *_) = Case(pattern, length=300, batch=1).tensors()
    assert attend(x).shape == x.shape
    assert xla_compile._program.cache_info().misses == 0


def test_what_goes_number_by_number_hands_nothing_to_its_gradient():
    import tensorflow as tf

    def scaled_sine(x, scale, whole_number):
        y = tf.sin(x * scale) + tf.cast(whole_number, x.dtype)
        return y * y

    def answer_and_gradients(run, x, scale):
        with tf.GradientTape() as tape:
            tape.watch([x, scale])
            y = run(scaled_sine, x, scale, tf.constant(2))
        return y, *tape.gradient(y, [x, scale], 2 * y)

    rng = np.random.default_rng(1)
    x = tf.constant(rng.normal(size=(1, 300, 4)), "float32")
    scale = tf.constant(rng.normal(size=(4,)), "float32")
    compute = tf.function(answer_and_gradients)
    as_program = compute(xla_compile.run_elementwise, x, scale)
    plain = answer_and_gradients(lambda function, *x: function(*x), x, scale)
    for ours, expected in zip(as_program, plain, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
    graph = compute.get_concrete_function(xla_compile.run_elementwise, x, scale).graph
    calls = [op for op in graph.get_operations() if "PartitionedCall" in op.type]
    assert sorted(len(op.outputs) for op in calls) == [1, 2]  # answer; two gradients
