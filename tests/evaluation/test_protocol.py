from types import SimpleNamespace

import pytest

from longkeras.evaluation import EvaluationProtocol, choose_protocol
from longkeras.evaluation.language_models.protocol import call_length

UNLIMITED = SimpleNamespace(context_length=None)
LIMITED = SimpleNamespace(context_length=512)


def test_the_protocol_follows_from_the_model():
    assert choose_protocol(UNLIMITED) == EvaluationProtocol("streaming")
    assert choose_protocol(LIMITED) == EvaluationProtocol("strided", 512, 256)
    assert choose_protocol(LIMITED, "segment") == EvaluationProtocol("segment", 512)
    given = EvaluationProtocol("segment", 64)
    assert choose_protocol(LIMITED, given) is given


def test_the_stride_is_half_the_context_unless_given():
    assert EvaluationProtocol("strided", 1).stride == 1
    assert EvaluationProtocol("strided", 7).stride == 3
    assert EvaluationProtocol("strided", 7, 2).stride == 2
    assert EvaluationProtocol("segment", 7).stride == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sliding",), "`protocol`"),
        (("segment",), "`context_length`"),
        (("strided", 0), "`context_length`"),
        (("strided", 8, 9), "`stride`"),
        (("strided", 8, 0), "`stride`"),
        (("segment", 8, 4), "`stride`"),
        (("streaming", 8), "`context_length`"),
    ],
)
def test_lengths_that_do_not_fit_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        EvaluationProtocol(*arguments)


def test_a_limited_model_is_not_asked_for_more_than_it_can():
    with pytest.raises(ValueError, match="512"):
        choose_protocol(LIMITED, "streaming")
    with pytest.raises(ValueError, match="`context_length`"):
        choose_protocol(LIMITED, "strided", context_length=513)


def test_windowed_models_have_the_context_of_their_reach():
    backbone = SimpleNamespace(
        num_layers=2, attention_window=(5, 9), attention_dilation=1
    )
    model = SimpleNamespace(context_length=None, backbone=backbone)
    assert choose_protocol(model).context_bytes == 1 + 4 + 8
    assert choose_protocol(model, "strided", 8).context_bytes == 8
    assert choose_protocol(model, "strided", 512).context_bytes == 13
    assert choose_protocol(UNLIMITED).context_bytes is None


@pytest.mark.parametrize(
    "protocol",
    [EvaluationProtocol("segment", 7)]
    + [EvaluationProtocol("strided", 7, stride) for stride in (1, 3, 7)],
)
def test_the_context_before_a_byte_follows_from_the_windows(protocol):
    for length in (1, 6, 7, 8, 50):
        for start, size, new in protocol.windows(length):
            for position in range(start + size - new, start + size):
                # Before the first byte of a text there is a start token, not a byte.
                expected = position - start + (start > 0)
                assert protocol.context_before(position) == expected


def test_every_byte_after_the_context_is_scored_once():
    protocol = EvaluationProtocol("strided", 8, 3)
    for length in (1, 7, 8, 9, 63, 64, 65):
        for first_scored in range(length + 1):
            scored = []
            for start, size, new in protocol.windows(length, first_scored):
                assert 0 < new <= size <= 8
                scored += range(start + size - new, start + size)
            assert scored == list(range(first_scored, length))


def test_calls_are_of_equal_length():
    for length in (1, 63, 64, 65, 1000):
        size = call_length(length, 64)
        assert size <= 64
        assert -(-length // size) == -(-length // 64)
    assert call_length(None, 64) == 64
