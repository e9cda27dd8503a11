"""How the package reads: sizes and names. Not targets: a warning before a swamp."""

import ast

from tests.contracts.sources import package_sources

MAX_FILE_LINES = 450
MAX_FUNCTION_LINES = 60
MAX_CONSTRUCTOR_LINES = 90
VAGUE_NAMES = {"common", "helper", "helpers", "misc", "util", "utils"}


def length_without_docstring(function) -> int:
    start = function.body[0]
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= start.end_lineno - start.lineno + 1
    return lines


def test_a_file_can_be_read_in_one_sitting():
    assert not [
        source.place
        for source in package_sources()
        if len(source.text.splitlines()) > MAX_FILE_LINES
    ]


def test_a_function_fits_on_a_screen():
    assert not [
        f"{source.place}:{function.lineno} {function.name}"
        for source in package_sources()
        for function in source.functions()
        if length_without_docstring(function)
        > (MAX_CONSTRUCTOR_LINES if function.name == "__init__" else MAX_FUNCTION_LINES)
    ]


def test_a_file_is_named_after_what_it_holds():
    assert not [
        source.place
        for source in package_sources()
        if VAGUE_NAMES & set(source.place.removesuffix(".py").split("/"))
    ]


def test_a_module_says_what_it_is_for():
    assert not [
        source.place
        for source in package_sources()
        if source.tree.body and not ast.get_docstring(source.tree)
    ]
