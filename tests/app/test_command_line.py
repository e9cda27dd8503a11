import socket

import pytest

from longkeras.app.addresses import check_address
from longkeras.app.command_line import main, parse_arguments
from tests.app.conftest import free_port


def test_the_page_is_for_this_machine_unless_told_otherwise():
    options = parse_arguments([])
    assert (options.host, options.port) == ("127.0.0.1", 7860)
    assert options.models is None and options.auth is None and not options.open


@pytest.mark.parametrize(
    ("text", "size"), [("4GB", 4 * 10**9), ("1.5 GB", 15 * 10**8), ("500MB", 5 * 10**8)]
)
def test_the_memory_of_models_has_a_cap(text, size):
    assert parse_arguments(["--memory", text]).memory == size
    assert parse_arguments([]).memory is None


@pytest.mark.parametrize(
    "text", ["4", "GB", "0GB", "-1GB", "4 gigabytes", "٣GB", "9" * 400 + "GB"]
)
def test_a_memory_that_is_none_is_refused_in_a_sentence(text, capsys):
    with pytest.raises(SystemExit):
        parse_arguments([f"--memory={text}"])
    assert "argument --memory: must be a size above 0" in capsys.readouterr().err


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


@pytest.mark.parametrize("port", ["99999", "65536", "0", "-1", "80a", "", "1e3", "٣"])
def test_a_port_that_is_none_is_refused_in_a_sentence(port, capsys):
    with pytest.raises(SystemExit) as ended:
        main([f"--port={port}"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "argument --port: must be a whole number from 1 to 65535" in said
    assert repr(port) in said


@pytest.mark.parametrize("host", ["no.such.host.invalid", "1.2.3.4.5", "", "a" * 300])
def test_a_host_that_is_none_is_refused_in_a_sentence(host, capsys):
    assert main(["--host", host, "--port", str(free_port())]) == 2
    assert "--host must be a name or an address" in capsys.readouterr().err


def test_another_machine_is_no_host(capsys):
    assert main(["--host", "192.0.2.1", "--port", str(free_port())]) == 2
    assert "--host must be an address of this machine" in capsys.readouterr().err


def test_a_port_in_use_names_the_option(capsys):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert said == (
        f"Port {port} of 127.0.0.1 is in use. Choose another one with --port.\n"
    )


@pytest.fixture
def no_page(monkeypatch):
    monkeypatch.setattr("longkeras.app.build.build_page", lambda registry: None)


def test_a_port_taken_while_the_page_starts_names_the_option(
    capsys, monkeypatch, no_page
):
    def launch(*_, **__):
        raise OSError("set GRADIO_SERVER_PORT")

    monkeypatch.setattr("longkeras.app.command_line.serve", launch)
    assert main(["--port", str(free_port())]) == 1
    said = capsys.readouterr().err
    assert "--port" in said and "GRADIO" not in said


@pytest.mark.parametrize(
    ("host", "is_open"),
    [
        ("127.0.0.1", False),
        ("localhost", False),
        ("127.1.2.3", False),
        ("0.0.0.0", True),
    ],
)
def test_only_an_address_of_the_network_is_open_to_others(host, is_open):
    assert check_address(host, free_port()) is is_open


@pytest.mark.parametrize(
    ("options", "warns"),
    [
        (["--host", "0.0.0.0"], True),
        (["--host", "0.0.0.0", "--auth", "ann:secret"], False),
        ([], False),
    ],
)
def test_a_page_open_to_others_without_a_password_is_warned_of(
    options, warns, monkeypatch, caplog, no_page
):
    monkeypatch.setattr("longkeras.app.command_line.serve", lambda *_: None)
    assert main([*options, "--port", str(free_port())]) == 0
    warned = "without --auth lets everybody" in caplog.text
    assert warned is warns
