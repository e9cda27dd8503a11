"""Interpreter for the data in a pickle, which cannot run code.

Python's unpickler imports names and calls them. This interpreter calls only names from
a table: it imports no module and sets no attributes.
"""

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longkeras.checkpoint_error import CheckpointError

MAX_PROTOCOL = 5
_LITERALS = {
    "BINBYTES",
    "BINFLOAT",
    "BININT",
    "BININT1",
    "BININT2",
    "BINSTRING",
    "BINUNICODE",
    "BINUNICODE8",
    "INT",
    "LONG",
    "LONG1",
    "SHORT_BINBYTES",
    "SHORT_BINSTRING",
    "SHORT_BINUNICODE",
    "UNICODE",
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass(frozen=True)
class PickleName:
    """The meaning of a permitted name.

    Attributes:
        make: function of a pickle's arguments that returns a value, or None for a name
            that may not be called.
        value: the meaning of a name that is not called. Defaults to `None`.
    """

    make: Callable[..., Any] | None
    value: Any = None


class PickleMachine:
    """Reader of one pickle.

    Args:
        names: mapping from `"module name"` to `PickleName`, all that are permitted.
        load_persistent: function of the id of an object outside the pickle.
        path: path. The file, for messages.
    """

    def __init__(
        self,
        names: Mapping[str, PickleName],
        load_persistent: Callable[[Any], Any],
        path: Path,
    ):
        self._names = names
        self._load_persistent = load_persistent
        self._path = path
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self, file: Any) -> Any:
        """The value of the pickle at the file's current position.

        Refuses a damaged pickle, and one that asks for anything but permitted names.
        """
        try:
            for operation, argument, _ in pickletools.genops(file):
                self._do(operation.name, argument)
        except CheckpointError:
            raise
        # Raised for a short stack or a value of a wrong kind, and by `pickletools`
        # where the file ends or is not a pickle.
        except (
            AttributeError,
            IndexError,
            KeyError,
            OverflowError,
            TypeError,
            ValueError,
        ) as error:
            raise self.refusal(f"it is damaged or cut short ({error})") from error
        return self._stack[-1] if self._stack else None

    def refusal(self, why: str) -> CheckpointError:
        """The error for a pickle that is not read."""
        return CheckpointError(
            f"The pickle in the file is refused: {why}. Received: path={self._path}"
        )

    def _do(self, operation: str, argument: Any) -> None:
        if operation in _LITERALS:
            self._stack.append(argument)
        elif operation in _CONSTANTS:
            self._stack.append(_CONSTANTS[operation])
        elif operation in _TUPLES:
            self._stack.append(tuple(self._pop(_TUPLES[operation])))
        elif operation in _OPERATIONS:
            _OPERATIONS[operation](self, argument)
        else:
            raise self.refusal(f"it uses the operation {operation}")

    def _pop(self, count: int) -> list[Any]:
        if count > len(self._stack):
            raise IndexError("values are missing")
        values = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return values

    def _pop_to_mark(self) -> list[Any]:
        return self._pop(len(self._stack) - self._marks.pop())

    def _start(self, protocol: int) -> None:
        if protocol > MAX_PROTOCOL:
            raise self.refusal(f"it has protocol {protocol}")

    def _append(self, values: list[Any]) -> None:
        self._top(list).extend(values)

    def _set(self, values: list[Any]) -> None:
        target = self._top(dict)
        for key, value in zip(values[::2], values[1::2], strict=True):
            # Only strings: the hash of a deep tuple can exhaust the C stack.
            if type(key) is not str:
                raise self.refusal("a dictionary has keys that are not strings")
            if key in target:
                raise self.refusal(f"it says {key[:200]!r} twice")
            target[key] = value

    def _top(self, kind: type) -> Any:
        if type(self._stack[-1]) is not kind:
            raise TypeError(f"{kind.__name__} expected")
        return self._stack[-1]

    def _find(self, module: str, name: str) -> None:
        found = self._names.get(f"{module} {name}")
        if found is None:
            raise self.refusal(
                f"it asks for {module[:200]}.{name[:200]}, and only tensors are read"
            )
        self._stack.append(found)

    def _find_on_stack(self) -> None:
        module, name = self._pop(2)
        self._find(str(module), str(name))

    def _call(self) -> None:
        function, arguments = self._pop(2)
        if not isinstance(function, PickleName) or function.make is None:
            raise self.refusal("it calls what is no function")
        if type(arguments) is not tuple:
            raise TypeError("arguments are no tuple")
        self._stack.append(function.make(*arguments))

    def _build(self) -> None:
        """Drop a state: that of PyTorch's dictionaries holds versions of modules."""
        self._pop(1)
        self._top(dict)

    def _put(self, place: int) -> None:
        self._memo[place] = self._stack[-1]


_OPERATIONS: dict[str, Callable[[PickleMachine, Any], None]] = {
    "APPEND": lambda machine, _: machine._append(machine._pop(1)),
    "APPENDS": lambda machine, _: machine._append(machine._pop_to_mark()),
    "BINGET": lambda machine, place: machine._stack.append(machine._memo[place]),
    "BINPERSID": lambda machine, _: machine._stack.append(
        machine._load_persistent(machine._pop(1)[0])
    ),
    "BINPUT": lambda machine, place: machine._put(place),
    "BUILD": lambda machine, _: machine._build(),
    "EMPTY_DICT": lambda machine, _: machine._stack.append({}),
    "EMPTY_LIST": lambda machine, _: machine._stack.append([]),
    "FRAME": lambda machine, _: None,
    "GLOBAL": lambda machine, names: machine._find(*names.split(" ", 1)),
    "LONG_BINGET": lambda machine, place: machine._stack.append(machine._memo[place]),
    "LONG_BINPUT": lambda machine, place: machine._put(place),
    "MARK": lambda machine, _: machine._marks.append(len(machine._stack)),
    "MEMOIZE": lambda machine, _: machine._put(len(machine._memo)),
    "PROTO": lambda machine, protocol: machine._start(protocol),
    "REDUCE": lambda machine, _: machine._call(),
    "SETITEM": lambda machine, _: machine._set(machine._pop(2)),
    "SETITEMS": lambda machine, _: machine._set(machine._pop_to_mark()),
    "STACK_GLOBAL": lambda machine, _: machine._find_on_stack(),
    "STOP": lambda machine, _: None,
    "TUPLE": lambda machine, _: machine._stack.append(tuple(machine._pop_to_mark())),
}
