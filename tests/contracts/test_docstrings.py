"""What public docstrings say. That their examples run: test_examples.py."""

import ast
import dataclasses
import inspect
import re
import textwrap

import pytest

from tests.contracts.public_objects import parameters_of, public_names, public_object
from tests.contracts.sources import package_imports

each_object = pytest.mark.parametrize("name", public_names())

SECTION = r"^{}:\n((?:    .*\n|\n)+)"


@pytest.fixture
def thing(name):
    return public_object(name)


def docstring_of(thing) -> str:
    # A class's own, not one that it inherits.
    written = vars(thing)["__doc__"] if inspect.isclass(thing) else thing.__doc__
    return inspect.cleandoc(written or "") + "\n"


def section_of(thing, title: str) -> str:
    match = re.search(SECTION.format(title), docstring_of(thing), re.MULTILINE)
    return match[1] if match else ""


def body_of(thing) -> list[ast.stmt]:
    """The statements that run when it is called, without functions inside them."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
    if isinstance(tree, ast.ClassDef):
        starts = ("__init__", "__post_init__")
        bodies = [
            node.body for node in tree.body if getattr(node, "name", "") in starts
        ]
        return [statement for body in bodies for statement in body]
    return tree.body


def walk(nodes):
    for node in nodes:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            yield from walk(ast.iter_child_nodes(node))


@each_object
def test_it_starts_with_one_line_that_ends_in_a_full_stop(name, thing):
    first, _, rest = docstring_of(thing).partition("\n")
    assert first.endswith("."), f"{name}: {first!r}"
    assert not rest.strip() or rest.startswith("\n")


@each_object
def test_args_names_every_parameter(name, thing):
    told = re.findall(
        r"^    `?(\*{0,2}\w+)`?:", section_of(thing, "Args"), re.MULTILINE
    )
    told += re.findall(
        r"^    `?(\w+)`?:", section_of(thing, "Attributes"), re.MULTILINE
    )
    missing = [parameter for parameter in parameters_of(thing) if parameter not in told]
    assert not missing, f"{name}: Args: says nothing of {missing}"


@each_object
def test_a_function_says_what_it_returns(name, thing):
    if inspect.isclass(thing):
        return
    gives = any(
        isinstance(node, ast.Yield | ast.YieldFrom)
        or (isinstance(node, ast.Return) and node.value is not None)
        for node in walk(body_of(thing))
    )
    if gives:
        assert section_of(thing, "Returns") or section_of(thing, "Yields")


@each_object
def test_what_it_raises_itself_is_told(name, thing):
    if any(isinstance(node, ast.Raise) for node in walk(body_of(thing))):
        assert section_of(thing, "Raises"), f"{name} raises, and says nothing of it"


@each_object
def test_it_shows_an_example(name, thing):
    # A record shows itself in the example of what returns it, and what the page calls
    # needs a trained model.
    is_record = dataclasses.is_dataclass(thing) or hasattr(thing, "_fields")
    if is_record or name.startswith("longkeras.serving."):
        return
    assert re.search(r"^Examples?:$", docstring_of(thing), re.MULTILINE)


def test_keras_methods_are_documented_by_their_class():
    silent = ("build", "call", "get_config")
    keras_sources = {
        source.place: source
        for source, found in package_imports()
        if found.top in ("keras", "keras_hub")
    }
    talkers = [
        f"{source.place}:{method.lineno} {method.name}"
        for source in keras_sources.values()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if getattr(method, "name", "") in silent and ast.get_docstring(method)
    ]
    assert not talkers
