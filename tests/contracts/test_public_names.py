"""The public surface changes only on purpose: `make golden` pins it anew."""

import importlib

import pytest

from tools.public_names import public_names, public_packages, read_golden

REMEDY = "public names changed; if you meant it, run `make golden` and say so in \
CHANGELOG.md"


def test_every_package_is_pinned():
    assert public_packages() == list(read_golden()), REMEDY


@pytest.mark.parametrize("package", read_golden())
def test_public_names_are_the_pinned_ones(package):
    assert public_names(package) == read_golden()[package], REMEDY


@pytest.mark.parametrize("package", read_golden())
def test_every_public_name_can_be_had(package):
    module = importlib.import_module(package)
    missing = [name for name in public_names(package) if not hasattr(module, name)]
    assert not missing
    assert set(public_names(package)) <= set(dir(module))


def test_a_name_that_is_not_there_is_an_attribute_error():
    import longkeras

    with pytest.raises(AttributeError, match="no_such_name"):
        longkeras.no_such_name  # noqa: B018
