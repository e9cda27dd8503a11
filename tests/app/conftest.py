"""The page over models that cost nothing, and clients of it."""

import gc
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from longkeras.app.catalogue import Catalogue
from longkeras.data import samples
from tests.app.fake_registry import FakeRegistry
from tools.page_driver import PageDriver, missing_parts, open_browser

ROOT = Path(__file__).resolve().parents[2]


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


def start_server(*command, seconds=300, log=None):
    """Start a page in a process of its own.

    Args:
        *command: str. What follows `python`; the port is added.
        seconds: float. Most time until it answers.
        log: file or None. Takes what the server writes to its standard error.

    Returns:
        The process and the page's address.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    server = subprocess.Popen(
        [sys.executable, *command, "--port", str(port)], cwd=ROOT, stderr=log
    )
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return server, address
        except OSError:
            time.sleep(0.2)
    stop_server(server)
    raise RuntimeError(f"{command} did not serve {address}: {server.returncode}")


def stop_server(server):
    server.terminate()
    server.wait(20)


@pytest.fixture(scope="session")
def _page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "log.txt"
    with path.open("w") as log:
        server, address = start_server("-m", "tests.app.fake_page", log=log)
        yield address, path
        stop_server(server)


@pytest.fixture(scope="session")
def page_address(_page):
    """A page over fake models that is served to every test of the session."""
    return _page[0]


@pytest.fixture
def page_log(_page):
    """Returns what the served page has logged since the test began."""
    path = _page[1]
    start = path.stat().st_size
    return lambda: path.read_bytes()[start:].decode()


@pytest.fixture(scope="session")
def browser():
    reason = missing_parts()
    if reason:
        pytest.skip(reason)
    with open_browser() as browser:
        yield browser


@pytest.fixture
def visit(browser, page_address):
    """Returns visitors of the page over models that cost nothing."""
    drivers = []

    def enter(**options):
        drivers.append(PageDriver(browser, page_address, **options))
        return drivers[-1]

    yield enter
    for driver in drivers:
        driver.close()


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
    clients.clear()
    # What the client leaves open is found now, in a test that expects it.
    gc.collect()
