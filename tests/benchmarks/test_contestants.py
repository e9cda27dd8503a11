"""Equal work: every contestant of the attention case computes the same numbers."""

import numpy as np
import pytest
from keras import ops

from benchmarks.cases import attention, attention_on_gpu
from benchmarks.contestants.setting import Setting
from longkeras.ops import reference_attention
from longkeras.patterns import BandedPattern
from tests.ops.cases import assert_close
from tests.ops.gradients import outputs_and_gradients

TOLERANCE = 5e-6
SIZES = {"length": 64, "num_heads": 2, "head_dim": 16}

# Training gives the output too.
each_task = pytest.mark.parametrize(
    "task", [pytest.param("forward", marks=pytest.mark.slow), "training"]
)


def reference(setting):
    """Output and gradients as `reference_attention` has them."""
    reach = setting.length if setting.reach is None else setting.reach
    pattern = BandedPattern(reach, 0 if setting.is_causal else reach)
    inputs = [ops.convert_to_tensor(x) for x in setting.inputs()]
    names = ("global_query", "global_key", "global_value")

    def attend(query, key, value, *global_tensors):
        options = dict(zip(names, global_tensors, strict=False))
        if global_tensors:
            options["global_mask"] = ops.convert_to_tensor(setting.global_mask())
        return reference_attention(query, key, value, pattern, **options)

    if not setting.is_training:
        return [ops.convert_to_numpy(attend(*inputs))]
    output, gradients = outputs_and_gradients(attend, inputs, setting.upstream())
    return [output, *gradients]


def check(case, contestant, task, **options):
    point = {"contestant": contestant, "task": task, **SIZES, **options}
    workload = case.prepare(**point)
    expected = reference(Setting(**point))

    arrays = workload.arrays(workload.run())

    assert len(arrays) == len(expected)
    for index, (array, truth) in enumerate(zip(arrays, expected, strict=True)):
        assert_close(np.asarray(array), truth, TOLERANCE, f"{contestant} {index}")


@each_task
@pytest.mark.parametrize("num_globals", [0, 5])
def test_ours_computes_the_reference(task, num_globals):
    check(attention, "ours_tensorflow", task, reach=8, num_globals=num_globals)


@each_task
@pytest.mark.parametrize("contestant", ["window_tensorflow", "dense_tensorflow"])
def test_a_window_of_keras_computes_the_reference(contestant, task):
    check(attention, contestant, task, reach=8)


@each_task
def test_full_attention_of_keras_computes_the_reference(task):
    check(attention, "full_tensorflow", task)


@each_task
@pytest.mark.parametrize(("reach", "is_causal"), [(8, True), (None, False)])
def test_attention_of_jax_computes_the_reference(task, reach, is_causal):
    check(attention_on_gpu, "cudnn_jax", task, reach=reach, is_causal=is_causal)


@pytest.mark.parity
@each_task
@pytest.mark.parametrize("num_globals", [0, 1, 5])
def test_hugging_face_computes_the_reference(task, num_globals):
    check(attention, "huggingface", task, reach=8, num_globals=num_globals)


@pytest.mark.parity
@each_task
@pytest.mark.parametrize("is_causal", [False, True])
def test_sdpa_computes_the_reference(task, is_causal):
    check(attention, "sdpa", task, is_causal=is_causal)


@pytest.mark.slow
@pytest.mark.parity
# PyTorch's compiler imports what PyTorch itself deprecates.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("is_causal", [False, True])
def test_flex_attention_computes_the_reference(is_causal):
    check(attention, "flex", "forward", reach=8, length=256, is_causal=is_causal)


def test_operations_are_counted_once_a_visible_key():
    setting = Setting("ours", "forward", length=1000, reach=10, num_heads=2, head_dim=8)
    keys = setting.band().sum()

    # Two products of a multiplication and an addition; the ends see fewer keys.
    assert 4 * keys * 2 * 8 == pytest.approx(setting.flops(), rel=0.01)
