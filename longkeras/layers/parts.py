"""Layers inside a layer."""

import keras


def parts_of(layer):
    """Yield all layers inside a layer, at any depth, each once.

    Args:
        layer: `keras.layers.Layer`, or a model.

    Yields:
        `keras.layers.Layer`, those of a model in the order of `layers`.
    """
    yield from _unseen_parts(layer, set())


def _unseen_parts(layer, seen):
    for part in _attributes(layer):
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            yield from _unseen_parts(part, seen)


def _attributes(layer):
    for value in [*getattr(layer, "layers", ()), *vars(layer).values()]:
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, keras.layers.Layer):
                yield part
