import pytest

from longkeras.app.command_line import main, parse_arguments


def test_the_page_is_for_this_machine_unless_told_otherwise():
    options = parse_arguments([])
    assert (options.host, options.port) == ("127.0.0.1", 7860)
    assert options.models is None and options.auth is None and not options.open


def test_a_name_and_a_password_can_be_asked_for():
    assert parse_arguments(["--auth", "ann:b:c"]).auth == ("ann", "b:c")


@pytest.mark.parametrize("text", ["ann", "ann:", ":secret"])
def test_half_a_password_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        parse_arguments(["--auth", text])
    assert "NAME:PASSWORD" in capsys.readouterr().err


def test_a_folder_without_models_ends_with_a_reason(tmp_path, capsys):
    assert main(["--models", str(tmp_path)]) == 2
    assert "manifest.json" in capsys.readouterr().err
