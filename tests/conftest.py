"""What every test shares: one backend, one seed, and no silent skips in CI."""

import gc
import importlib.util
import logging
import os
import sys

# Before anything imports Keras. The JAX part of `make test` names its own backend.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import hypothesis
import pytest

# A slow machine is not a failure, and a failure must come back on the next run.
hypothesis.settings.register_profile(
    "longkeras", deadline=None, derandomize=True, print_blob=True
)
hypothesis.settings.load_profile("longkeras")

# `LONGKERAS_REQUIRE_ALL=1` (set by .ci/run): tests that need a browser or PyTorch must
# run. Anywhere else they are skipped where those are missing.
REQUIRE_ALL = os.environ.get("LONGKERAS_REQUIRE_ALL") == "1"
REQUIRED_MARKERS = ("browser", "parity")
# What a test marked `parity` needs, unless its marker names other packages.
COMPARED_WITH = ("torch", "transformers")


def pytest_itemcollected(item):
    """Marks a test `slow` on the backends that its `slow_on` names."""
    for marker in item.iter_markers("slow_on"):
        if os.environ["KERAS_BACKEND"] in marker.args:
            item.add_marker(pytest.mark.slow)


def pytest_collection_modifyitems():
    """Exempts the objects that imports made from garbage collection.

    They are a million and stay until the process ends; every full collection would
    visit them all.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def models_released(request):
    """Releases the models and compiled functions of a test module after its tests."""
    yield
    for value in vars(request.module).values():
        if getattr(value, "__module__", "") == request.module.__name__:
            getattr(value, "cache_clear", lambda: None)()
    # On PyTorch this would import its compiler, which nothing else needs.
    if "keras" in sys.modules and os.environ["KERAS_BACKEND"] != "torch":
        sys.modules["keras"].backend.clear_session(free_memory=False)
    gc.collect()


@pytest.fixture(autouse=True)
def seeded():
    """Gives every test the same random numbers, whatever ran before it."""
    # A test that never imported Keras needs no seed, and no seconds of import.
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(1337)


@pytest.fixture
def root_logger():
    """Restores the root logger, which `RunFolder.begin` makes log to a file."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    # `basicConfig(force=True)` closes what it finds: keep pytest's out of its way.
    root.handlers[:] = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Skips a parity test, before its fixtures, where its packages are missing."""
    for marker in item.iter_markers("parity"):
        names = marker.args or COMPARED_WITH
        missing = [name for name in names if not importlib.util.find_spec(name)]
        if missing:
            pytest.skip(f"needs {' and '.join(missing)} (make check installs them)")


def _fail_instead(report, reason):
    report.outcome = "failed"
    report.longrepr = f"Skipped, and LONGKERAS_REQUIRE_ALL=1 forbids it: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    needed = any(item.get_closest_marker(name) for name in REQUIRED_MARKERS)
    if REQUIRE_ALL and needed and report.skipped and not hasattr(report, "wasxfail"):
        _fail_instead(report, report.longrepr[-1])
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """A module that skips itself hides its markers, so none may."""
    report = yield
    if REQUIRE_ALL and report.outcome == "skipped":
        _fail_instead(report, report.longrepr[-1])
    return report


def pytest_collection_finish(session):
    """With every test deselected nothing is skipped either: count them."""
    if not REQUIRE_ALL or session.config.option.collectonly:
        return
    for name in REQUIRED_MARKERS:
        if not any(item.get_closest_marker(name) for item in session.items):
            raise pytest.UsageError(
                f"LONGKERAS_REQUIRE_ALL=1, and no test marked `{name}` was selected."
            )
