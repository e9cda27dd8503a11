"""What the tests of recipes share."""

import logging

import pytest


@pytest.fixture
def root_logger():
    """The recipes log to a file of the run: not of the runs after it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    # `basicConfig(force=True)` closes what it finds: keep pytest's out of its way.
    root.handlers[:] = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
