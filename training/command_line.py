"""The command line of a recipe."""

import argparse
import dataclasses

DATA_HELP = "data folder; default LONGKERAS_DATA, or samples"


def recipe_parser(module_docstring, output_help, data_help=DATA_HELP):
    """Make a parser with the options that every recipe has.

    Args:
        module_docstring: str. Its first line describes the command.
        output_help: str. Help of `--output`, the folder of the run.
        data_help: str. Help of `--data`. Defaults to `DATA_HELP`.

    Returns:
        `argparse.ArgumentParser`.
    """
    parser = argparse.ArgumentParser(description=module_docstring.split("\n", 1)[0])
    parser.add_argument("--data", help=data_help)
    parser.add_argument("--output", help=output_help)
    return parser


def with_options(config, args):
    """Replace the fields of a configuration that the command line names.

    Args:
        config: dataclass.
        args: `argparse.Namespace`. An attribute with the name of a field replaces it,
            unless it is None; lists become tuples.

    Returns:
        The same dataclass with other values.
    """
    changes = {}
    for field in dataclasses.fields(config):
        value = getattr(args, field.name, None)
        if value is not None:
            changes[field.name] = tuple(value) if isinstance(value, list) else value
    return dataclasses.replace(config, **changes)
