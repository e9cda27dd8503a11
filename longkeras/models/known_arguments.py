"""Arguments of models that nobody knows, which Keras would drop without a word."""

import difflib
import inspect

# What Keras' and KerasHub's own constructors take.
_OF_KERAS = ("compile", "dtype", "inputs", "name", "outputs", "trainable")


class KnownArguments:
    """Refuses arguments that no constructor has.

    Keras lets a functional model have any, so that a misspelt one would be lost. A
    mixin, to stand before `keras.Model`.
    """

    def __init__(self, *args, **kwargs):
        unknown = sorted(set(kwargs) - set(_OF_KERAS))
        if unknown:
            name = unknown[0]
            known = list(inspect.signature(type(self)).parameters)
            near = difflib.get_close_matches(name, known, 1, 0.0)[0]
            raise ValueError(
                f"`{name}` is no argument of {type(self).__name__}; the nearest is "
                f"`{near}`. Received: {name}={kwargs[name]!r:.200}"
            )
        super().__init__(*args, **kwargs)
