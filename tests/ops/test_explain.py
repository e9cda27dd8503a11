"""`explain` and what runs, for calls of the ops, layers and models."""

import dataclasses
import re

import keras
import numpy as np
import pytest
from keras import ops

from longkeras.layers import LongformerSelfAttention
from longkeras.models import CausalTransformerBackbone, LongformerBackbone
from longkeras.ops import explain
from longkeras.ops.attention import dispatch, spec
from longkeras.ops.attention.kernels import global_keys
from longkeras.ops.backend import xla_compile
from longkeras.patterns import BandedPattern
from tests.ops.agreement import attention
from tests.ops.cases import Case
from tests.ops.gradients import as_array, compiled, differentiated

COVERING, NARROW = BandedPattern(400, 400), BandedPattern(16, 16)
CASES = {
    "short": Case(NARROW, 60),
    "short, global rows": Case(NARROW, 60, globals_="few", has_global_rows=True),
    "longer": Case(NARROW, 300, batch=1),
    "longer, global rows": Case(
        NARROW, 300, batch=1, globals_="few", has_global_rows=True
    ),
    "covered": Case(COVERING, 70),
    "covered, causal": Case(BandedPattern(400, 0), 70, kv_heads=1, groups=2),
    "covered, padded": Case(COVERING, 70, padding="right"),
    "covered, documents": Case(COVERING, 70, documents="packed"),
    "dropout": Case(COVERING, 70, dropout=0.1),
    "history": Case(NARROW, 40, query_start=300, batch=1),
}


@pytest.fixture
def ran(monkeypatch):
    """The names of what ran: kernels, ways to answer global rows, and "XLA"."""
    names = []

    def noted(name, function):
        def call(*arguments):
            names.append(name)
            return function(*arguments)

        return call

    kernels = tuple(
        dataclasses.replace(kernel, attend=noted(kernel.name, kernel.attend))
        for kernel in dispatch.KERNELS
    )
    rows = {
        name: noted(f"{name} rows", replace)
        for name, replace in dispatch.GLOBAL_ROWS.items()
    }
    monkeypatch.setattr(dispatch, "KERNELS", kernels)
    monkeypatch.setattr(dispatch, "GLOBAL_ROWS", rows)
    run_compiled = xla_compile.run_compiled
    monkeypatch.setattr(xla_compile, "run_compiled", noted("XLA", run_compiled))
    return names


def forget(ran):
    """Forget what ran while `explain` traced, and the programs it traced."""
    ran.clear()
    xla_compile._program.cache_clear()


def announced(said):
    """The same names, from what `explain` says."""
    names = set(re.findall(r"^ *(\w+): chosen", said, re.MULTILINE))
    rows = re.findall(r"global rows: (\w+)", said)
    names |= {f"{name} rows" for name in rows}
    return names | ({"XLA"} if "XLA: a program" in said else set())


def said_of(case, **options):
    return explain(
        case.pattern,
        case.length,
        case.key_length,
        is_masked=not (case.global_mask() is None and case.document_ids() is None),
        has_dropout=bool(case.dropout),
        has_padding=case.padding_mask() is not None,
        global_rows="projected" if case.has_global_rows else None,
        **options,
    )


@pytest.mark.parametrize("is_graph", [False, True])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_call_runs_what_explain_says(case, is_graph, ran):
    attend = attention(case, "auto")
    if is_graph and keras.backend.backend() == "torch":
        pytest.skip("PyTorch has no graph")
    (compiled(attend) if is_graph else attend)(*case.tensors())

    on_tensorflow = keras.backend.backend() == "tensorflow"
    said = said_of(case, is_graph=is_graph and on_tensorflow)
    assert set(ran) == announced(said), said


def test_a_layer_absorbs_projections_as_explain_says(ran):
    layer = LongformerSelfAttention(num_heads=2, attention_window=8)
    x = np.ones((1, 520, 8), "float32")
    mask = np.arange(520)[None] == 0
    said = explain(layer, x, global_attention_mask=mask)
    forget(ran)
    (compiled(layer))(x, global_attention_mask=mask)

    assert set(ran) == announced(said), said
    on_torch = keras.backend.backend() == "torch"
    assert ("absorbed projections" in said) == (not on_torch)


def test_a_model_runs_what_explain_says_in_each_layer(ran):
    model = LongformerBackbone(
        vocabulary_size=20,
        num_layers=3,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=8,
        attention_window=[8, 8, 512],
        max_sequence_length=300,
    )
    inputs = {"token_ids": np.ones((1, 300), "int32")}
    said = explain(model, inputs)
    forget(ran)
    model.compile(jit_compile=False)
    model.predict_on_batch(inputs)

    assert set(ran) == announced(said), said
    assert "transformer_layer_0/attention to transformer_layer_1/attention" in said
    assert "transformer_layer_2/attention: 300 keys" in said
    assert said.count(": chosen") == 2


def test_a_full_attention_model_reaches_the_fused_kernel_of_an_accelerator(monkeypatch):
    monkeypatch.setattr(dispatch, "runs_on_cpu", lambda: False)
    model = CausalTransformerBackbone(
        vocabulary_size=20, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=8
    )
    said = explain(model, {"token_ids": np.ones((2, 30), "int32")})

    on_torch = keras.backend.backend() == "torch"
    name = "scaled_dot_product" if on_torch else "full"
    assert f"{name}: chosen" in said
    assert "with padding" in said


def test_a_model_without_attention_is_said_to_have_none():
    assert "no attention" in explain(keras.layers.Dense(2), np.ones((1, 3)))


def test_global_tokens_are_sorted_once_for_all_layers(monkeypatch):
    sorted_masks = []
    order = spec.global_order

    def counted(global_keys):
        sorted_masks.append(global_keys)
        return order(global_keys)

    monkeypatch.setattr(spec, "global_order", counted)
    monkeypatch.setattr(global_keys, "global_order", counted)
    layer = LongformerSelfAttention(num_heads=2, attention_window=8)
    x = np.ones((1, 300, 8), "float32")
    layer.build(x.shape)

    def attend(x, mask):
        return layer(x, global_attention_mask=mask)

    mask = ops.convert_to_tensor(np.arange(300)[None] == 0)
    with_gradient = differentiated(lambda x: attend(x, mask))
    with_gradient(ops.convert_to_tensor(x))
    assert len(sorted_masks) == 1

    prepared = spec.GlobalTokens.of(mask)
    sorted_masks.clear()
    expected = attend(x, mask)
    np.testing.assert_array_equal(as_array(attend(x, prepared)), as_array(expected))
    assert len(sorted_masks) == 1
