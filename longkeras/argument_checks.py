"""Checks of sizes, rates and other arguments of constructors.

A name means the same everywhere in the library, so one table holds the rules.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any


def check_arguments(
    arguments: Mapping[str, Any], may_be_none: tuple[str, ...] = ()
) -> None:
    """Raises an error if an argument is of the wrong kind, or out of its range.

    Args:
        arguments: dict of arguments by name, such as a constructor's `locals()`; what
            the table does not know is not looked at.
        may_be_none: tuple of str. Those that may be None. Defaults to `()`.

    Raises:
        ValueError: If a count is no whole number or too small, a rate of dropout is
            not in [0, 1), what must be above 0 is not, or what may not be below is.
    """
    for name, value in arguments.items():
        if name in _RULES and not (value is None and name in may_be_none):
            _RULES[name](name, value)


def whole_number(name: str, value: Any, minimum: int) -> int:
    """An argument as an int.

    Args:
        name: str. The argument.
        value: what was given for it.
        minimum: int. The smallest that is allowed.

    Returns:
        int, of NumPy's ints too.

    Raises:
        ValueError: If it is no int (a bool is none), or less than `minimum`.
    """
    try:
        # bool is an int to Python, but never a count.
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < minimum:
        raise ValueError(
            f"`{name}` must be an int of at least {minimum}. Received: {name}={value!r}"
        )
    return number


def _check_count(name: str, value: Any) -> None:
    whole_number(name, value, 1)


def _check_place(name: str, value: Any) -> None:
    whole_number(name, value, 0)


def _check_rate(name: str, value: Any) -> None:
    if not (_is_number(value) and 0 <= value < 1):
        raise ValueError(
            f"`{name}` must be a number of at least 0 and less than 1, the part that "
            f"is dropped. Received: {name}={value!r}"
        )


def _check_weight(name: str, value: Any) -> None:
    if not (_is_number(value) and 0 <= value < float("inf")):
        raise ValueError(
            f"`{name}` must be a number of at least 0. Received: {name}={value!r}"
        )


def _check_positive(name: str, value: Any) -> None:
    if not (_is_number(value) and 0 < value < float("inf")):
        raise ValueError(
            f"`{name}` must be a number above 0. Received: {name}={value!r}"
        )


def _is_number(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool)


_NAMES: dict[Callable[[str, Any], None], tuple[str, ...]] = {
    _check_count: (
        "embedding_dim",
        "head_dim",
        "head_window",
        "hidden_dim",
        "intermediate_dim",
        "mask_selection_length",
        "max_question_length",
        "max_sequence_length",
        "num_bins",
        "num_classes",
        "num_heads",
        "num_key_value_heads",
        "num_layers",
        "num_segments",
        "output_dim",
        "sequence_length",
        "total_steps",
        "units",
        "vocabulary_size",
    ),
    _check_place: (
        "decay_steps",
        "first_position",
        "outside_label",
        "padding_id",
        "separator_id",
        "warmup_steps",
    ),
    _check_rate: (
        "attention_dropout",
        "dropout",
        "embedding_dropout",
        "input_dropout",
        "output_dropout",
        "weight_dropout",
    ),
    _check_weight: ("activation_penalty", "negative_slope", "slowness_penalty"),
    _check_positive: (
        "alpha_negative",
        "alpha_positive",
        "beta",
        "head_layer_norm_epsilon",
        "layer_norm_epsilon",
        "max_wavelength",
        "peak_learning_rate",
        "rope_max_wavelength",
    ),
}
_RULES = {name: check for check, names in _NAMES.items() for name in names}
