"""Compare or pin the public names of the package (tests/golden/public_names.json).

python -m tools.public_names            compares; fails if they differ
python -m tools.public_names --write    writes the current names
"""

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "tests/golden/public_names.json"
# The page is a program, not an interface.
NOT_AN_INTERFACE = ("app",)


def public_packages() -> list[str]:
    """The public packages: `longkeras` and its public subpackages."""
    root = importlib.import_module("longkeras")
    found = [info.name for info in pkgutil.iter_modules(root.__path__) if info.ispkg]
    names = [name for name in found if name not in NOT_AN_INTERFACE]
    return ["longkeras", *(f"longkeras.{name}" for name in sorted(names))]


def public_names(package: str) -> list[str]:
    """Sorted exports of a package."""
    return sorted(importlib.import_module(package).__all__)


def read_golden() -> dict[str, list[str]]:
    """The pinned names of every package."""
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="pin what there is now")
    arguments = parser.parse_args(argv)
    names = {package: public_names(package) for package in public_packages()}
    if arguments.write:
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text(json.dumps(names, indent=2) + "\n", encoding="utf-8")
        print(f"wrote {GOLDEN}")
        return 0
    if names != read_golden():
        print("public names changed; if you meant it: make golden", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
