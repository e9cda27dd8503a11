"""Command line of pages generated from records: write them, or check them."""

import argparse
import pathlib
import sys


def write_or_check(argv, description, page, records, make_files, command):
    """The command line of a page.

    Args:
        argv: list of str, or None for the command line's own.
        description: str.
        page: path of the page, unless `--page` says another.
        records: path of the folder of records, unless `--results` says another.
        make_files: callable `(records, page)`, both paths, that returns a dict of text
            by path.
        command: str that writes the page, for the error.

    Raises:
        SystemExit: With `--check`, if a file is not what the records say.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--results", default=records, help="folder of the records")
    parser.add_argument("--page", default=page, help="where the page goes")
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args(argv)
    files = make_files(pathlib.Path(args.results), pathlib.Path(args.page))
    if args.check:
        stale = [
            str(path)
            for path, text in files.items()
            if not path.exists() or path.read_text("utf-8") != text
        ]
        if stale:
            sys.exit(f"{stale} not what the records say: {command}")
        return
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
