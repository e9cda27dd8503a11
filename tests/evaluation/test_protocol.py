from types import SimpleNamespace

import pytest

from longkeras.evaluation import EvaluationProtocol, choose_protocol

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
