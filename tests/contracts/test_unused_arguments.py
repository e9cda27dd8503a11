"""No argument is accepted and then dropped."""

import ast

from tests.contracts.sources import package_sources

# Methods whose arguments another library or a base class decides.
INTERFACES = {
    "__deepcopy__",
    "__exit__",
    "_tensor",  # the unpickler's names
    "_parameter",
    "build",
    "cache_slots",
    "call",
    "compute_output_shape",
    "compute_output_spec",
    "initial_state",
    "is_foreign",
    "load_assets",
    "load_preset_assets",
    "quantize",
    "save_assets",
    "update_step",
}
# Functions of the package that are called by one signature, and do not need all of it.
UNIFORM = {
    "_answer_globals",
    "_global_rows",
    "_pattern",
    "_rnn_forward",
    "_scores",
    "_tensors_of_global_rows",
    "adapt_tensors",  # of a `Family`, like task_arguments
    "remat",
    "render",
    "retold",
    "task_arguments",
    "write_block",
    "write_statistic",
}


def is_interface(function):
    name = function.name
    is_event = name.startswith("on_") or any(
        isinstance(decorator, ast.Attribute | ast.Call)
        and getattr(getattr(decorator, "func", decorator), "attr", "") == "register"
        for decorator in function.decorator_list
    )
    return name in INTERFACES | UNIFORM or is_event


def does_nothing(function):
    """Whether a body is a docstring, `pass`, `...` or an error alone."""
    return all(
        isinstance(line, ast.Pass | ast.Raise)
        or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        for line in function.body
    )


def dropped_arguments(function):
    arguments = function.args
    names = [x.arg for x in [*arguments.posonlyargs, *arguments.args]]
    names += [x.arg for x in arguments.kwonlyargs]
    names += [x.arg for x in (arguments.vararg, arguments.kwarg) if x is not None]
    used = {
        node.id
        for line in function.body
        for node in ast.walk(line)
        if isinstance(node, ast.Name)
    }
    return [
        name
        for name in names
        if name not in used | {"self", "cls"} and not name.startswith("_")
    ]


def test_no_function_drops_what_it_is_given():
    dropped = [
        f"{source.place}:{node.lineno} {node.name}: {names}"
        for source in package_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef)
        and not is_interface(node)
        and not does_nothing(node)
        and (names := dropped_arguments(node))
    ]
    assert not dropped


def test_a_dropped_argument_is_found():
    function = ast.parse("def f(a, b, *, c, **d):\n    return a + c").body[0]
    assert dropped_arguments(function) == ["b", "d"]
