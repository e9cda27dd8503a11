from copy import deepcopy

from longkeras.app.messages import Message, Words, message_of
from longkeras.app.session import StopFlag, Voice
from longkeras.serving import InputError


def test_a_message_tells_its_values_in_the_language_asked_for():
    message = Message("read.notice.stage_loading", {"model": Words("the moon", "月亮")})
    assert "the moon" in message.text("en")
    assert "月亮" in message.text("zh")


def test_a_refusal_counts_characters_from_one():
    message = message_of(InputError("nul", position=0))
    assert message.kind == "error"
    assert "character 1)" in message.text("en")


def test_a_refused_number_is_called_what_the_page_calls_it():
    error = InputError("out_of_range", what="temperature", low=0, high=2, received=9)
    assert message_of(error).text("zh").startswith("温度")


def test_a_refused_number_without_a_label_keeps_its_name():
    error = InputError("out_of_range", what="radius", low=0, high=2, received=9)
    assert message_of(error).text("zh").startswith("radius")


def test_work_that_still_waits_can_be_stopped():
    flag = StopFlag()
    assert flag.arm()
    assert flag.stop()
    assert flag.begin().is_set()


def test_work_runs_once_at_a_time():
    flag = StopFlag()
    event = flag.begin()
    assert flag.begin() is None
    assert not flag.arm()
    flag.end(event)
    assert flag.arm()


def test_work_that_never_began_does_not_block_the_next():
    flag = StopFlag()
    assert flag.arm()
    assert flag.arm()
    assert flag.begin() is not None


def test_a_stop_without_work_does_not_stop_later_work():
    flag = StopFlag()
    assert not flag.stop()
    assert not flag.begin().is_set()


def test_every_session_has_a_flag_of_its_own():
    flag = StopFlag()
    event = flag.begin()
    copy = deepcopy(flag)
    assert not copy.stop()
    assert not event.is_set()


def test_every_session_has_a_voice_of_its_own():
    voice = Voice()
    copy = deepcopy(voice)
    voice.language = "zh"
    assert copy.language == "en"
