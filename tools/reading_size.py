"""Count the files and lines of the package that a class depends on.

python -m tools.reading_size longkeras.models.LongformerTextClassifier
python -m tools.reading_size longkeras.models.LongformerTextClassifier --files

Starts at the module that defines the class and follows every import of longkeras,
those inside functions included. Names of modules in strings, as registries hold them,
are followed too, and counted apart. `__init__.py` files are passed through: they lead
to what they export, and are not counted themselves.
"""

import argparse
import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "longkeras"


def module_file(name: str) -> Path | None:
    """The file of a module or package of this project; None if there is none."""
    path = ROOT.joinpath(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def defining_module(dotted_name: str) -> str:
    """The module that defines a name, through the packages that export it.

    Args:
        dotted_name: str. A module, or a name in one.

    Returns:
        str. The module's dotted name.

    Raises:
        ValueError: If there is no such module.
    """
    if module_file(dotted_name) is not None:
        return dotted_name
    module, _, name = dotted_name.rpartition(".")
    file = module_file(module) if module else None
    if file is None:
        raise ValueError(
            f"Name a module, class or function of `{PACKAGE}`. Received: {dotted_name}"
        )
    for node in _nodes(file):
        if isinstance(node, ast.ImportFrom) and node.module != module:
            exported = {alias.asname or alias.name: alias.name for alias in node.names}
            if name in exported and _is_ours(node.module):
                return defining_module(f"{node.module}.{exported[name]}")
    return module


def dependencies(module: str, with_strings: bool) -> Iterator[str]:
    """The modules that a module imports or, if wanted, names in strings.

    Args:
        module: str. Dotted name.
        with_strings: bool. Whether to follow dotted names in strings.

    Yields:
        str. Dotted names of modules; some may come twice.
    """
    for node in _nodes(module_file(module)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if module_file(a.name))
        elif isinstance(node, ast.ImportFrom) and _is_ours(node.module):
            for alias in node.names:
                yield defining_module(f"{node.module}.{alias.name}")
        elif with_strings and isinstance(node, ast.Constant):
            yield from _named_module(node.value)


def reached_files(dotted_name: str, with_strings: bool) -> list[Path]:
    """The files that a name depends on, its own first; `__init__.py` left out.

    Args:
        dotted_name: str. Of a class, function or module.
        with_strings: bool. Whether to follow dotted names in strings.

    Returns:
        list of paths, in the order in which they are met.
    """
    reached = {defining_module(dotted_name): None}
    waiting = list(reached)
    while waiting:
        for name in dependencies(waiting.pop(0), with_strings):
            if name not in reached and _is_ours(name):
                reached[name] = None
                waiting.append(name)
    files = (module_file(name) for name in reached)
    return [file for file in files if file and file.name != "__init__.py"]


def total_lines(files: list[Path]) -> int:
    """The number of lines in files."""
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", help="classes, functions or modules")
    parser.add_argument("--files", action="store_true", help="list the files too")
    arguments = parser.parse_args(argv)
    for name in arguments.names:
        try:
            imported = reached_files(name, with_strings=False)
            files = reached_files(name, with_strings=True)
        except ValueError as error:
            parser.error(str(error))
        print(
            f"{name}: {len(imported)} files, {total_lines(imported)} lines by imports; "
            f"{len(files)} files, {total_lines(files)} lines with registries"
        )
        if arguments.files:
            for file in files:
                print(f"  {total_lines([file]):5} {file.relative_to(ROOT)}")
    return 0


@functools.cache
def _nodes(file: Path) -> list[ast.AST]:
    """The imports and the constants of a file."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return [
        x for x in nodes if isinstance(x, ast.Import | ast.ImportFrom | ast.Constant)
    ]


def _is_ours(module: str | None) -> bool:
    return module is not None and module.partition(".")[0] == PACKAGE


def _named_module(value: object) -> Iterator[str]:
    if not isinstance(value, str) or not value.startswith(f"{PACKAGE}."):
        return
    is_dotted_name = value.replace(".", "").isidentifier()
    if is_dotted_name and (module_file(value) or module_file(value.rpartition(".")[0])):
        yield defining_module(value)


if __name__ == "__main__":
    sys.exit(main())
