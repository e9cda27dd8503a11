"""The package's source files as syntax trees, for tests of how they are written."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "longkeras"


@dataclass(frozen=True)
class Import:
    """One imported module: `inside` is whether a function does it when called."""

    module: str
    line: int
    inside: bool

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


@dataclass(frozen=True)
class Source:
    """One file of the package."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def place(self) -> str:
        """The path inside the package, such as `ops/chooser.py`."""
        return self.path.relative_to(PACKAGE).as_posix()

    @property
    def subpackage(self) -> str:
        """The folder under `longkeras`, or the module's name for files beside it."""
        return self.place.partition("/")[0].removesuffix(".py")

    @property
    def module(self) -> str:
        """The dotted name it is imported by."""
        parts = ("longkeras", *self.path.relative_to(PACKAGE).with_suffix("").parts)
        return ".".join(part for part in parts if part != "__init__")

    def imports(self) -> Iterator[Import]:
        yield from _imports(self.tree, inside=False)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@cache
def package_sources() -> tuple[Source, ...]:
    """Every Python file of the package, in a fixed order, parsed once."""
    return tuple(Source(path) for path in sorted(PACKAGE.rglob("*.py")))


def package_imports() -> Iterator[tuple[Source, Import]]:
    """Every import of every file."""
    for source in package_sources():
        for found in source.imports():
            yield source, found


def folder_imports(folder: str) -> Iterator[tuple[str, Import]]:
    """Every import of every file of a folder beside the package, with its path."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for found in _imports(tree, inside=False):
            yield path.relative_to(ROOT).as_posix(), found


def _imports(node: ast.AST, inside: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, inside)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                # `from longkeras import ops` imports `longkeras.ops`.
                yield Import(f"{child.module}.{alias.name}", child.lineno, inside)
        else:
            starts_function = isinstance(
                child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
            )
            yield from _imports(child, inside or starts_function)
