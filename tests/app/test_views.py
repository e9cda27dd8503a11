from longkeras.app.messages import Message, Words, message_of
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
