"""Arguments of models that nobody knows, which Keras would drop without a word."""

import difflib
import inspect

# What Keras' and KerasHub's own constructors take.
_OF_KERAS = ("compile", "dtype", "inputs", "name", "outputs", "trainable")


class StrictArguments:
    """Refuses arguments that no constructor has.

    Keras lets a functional model have any, so that a misspelt one would be lost. A
    mixin, to stand before `keras.Model`.
    """

    def __init__(self, *args, **kwargs):
        unknown = sorted(set(kwargs) - set(_OF_KERAS))
        if unknown:
            name = unknown[0]
            raise ValueError(
                f"`{name}` is no argument of {type(self).__name__}; "
                f"{_advice(name, type(self))}. Received: {name}={kwargs[name]!r:.200}"
            )
        super().__init__(*args, **kwargs)


def _advice(name, model_class):
    known = inspect.signature(model_class).parameters.values()
    known = [each.name for each in known if each.kind != each.VAR_KEYWORD]
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"the nearest is `{near[0]}`"
    return f"it takes {', '.join(known)}"
