"""Options of recipes, and the configurations that they change."""

import dataclasses

from training.command_line import recipe_parser, with_options


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 10
    sizes: tuple[int, ...] = (1,)
    seed: int = 1


def test_options_replace_the_fields_of_their_names_and_no_others():
    parser = recipe_parser("Train.\n\nMore.", "folder of the run")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--sizes", type=int, nargs="*")
    assert parser.description == "Train."
    assert with_options(Config(), parser.parse_args([])) == Config()
    args = parser.parse_args(["--steps", "0", "--sizes", "2", "3", "--output", "x"])
    assert with_options(Config(), args) == Config(steps=0, sizes=(2, 3))
    assert with_options(Config(), parser.parse_args(["--sizes"])) == Config(sizes=())
