"""The page over models that cost nothing, and clients of it."""

import socket

import pytest

from longkeras.app.catalogue import Catalogue
from longkeras.app.command_line import parse_arguments, serve
from longkeras.data import samples
from tests.app.fake_registry import FakeRegistry


@pytest.fixture
def registry():
    return FakeRegistry()


@pytest.fixture
def catalogue(registry):
    return Catalogue(registry, samples())


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="session")
def page_address():
    """A page that is served to every test of the session."""
    from longkeras.app.build import build_page

    page = build_page(FakeRegistry(step_seconds=0.002))
    options = parse_arguments(["--port", str(free_port())])
    address = serve(page, options, block=False)
    yield address
    page.blocks.close(verbose=False)


@pytest.fixture
def new_client(page_address):
    """Returns clients of the page, each a session of its own."""
    import gradio_client

    clients = []

    def connect():
        clients.append(gradio_client.Client(page_address, verbose=False))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()
