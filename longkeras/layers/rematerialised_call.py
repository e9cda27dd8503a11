"""Rematerialization of layers with masks and dropout."""

import keras

from longkeras.layers.parts import parts_of


class RematerialisedCall:
    """Mixin. Recomputes a layer exactly in the backward pass, dropout included.

    Must precede `keras.layers.Layer` in the bases. TensorFlow recomputes functions of
    positional tensors only, so masks and `training` are bound to the call. Both passes
    start from the same seeds: otherwise the second would drop other values, and the
    gradient would be that of another function. The new seeds are outputs of the
    recomputed function, since JAX does not allow it to change variables.
    """

    def rematerialized_call(self, layer_call, *args, **kwargs):
        """See `keras.layers.Layer.rematerialized_call`."""
        remat = super().rematerialized_call
        return self._from_same_seeds(remat, layer_call, args, kwargs)

    def recomputed(self, *args, **kwargs):
        """Run `call` and keep only its inputs for the gradient.

        Args:
            *args: tensors.
            **kwargs: further arguments of the call, without gradient.

        Returns:
            The outputs of the layer.
        """

        def remat(function, *_):
            return keras.remat(function)

        return self._from_same_seeds(remat, self.call, args, kwargs)(*args)

    def _from_same_seeds(self, remat, layer_call, args, kwargs):
        seeds = [generator.state for generator in _seed_generators(self)]
        starts = [seed + 0 for seed in seeds]

        def same_call(*tensors):
            _assign(seeds, starts)
            outputs = layer_call(*tensors, **kwargs)
            return outputs, [seed + 0 for seed in seeds]

        recomputed = remat(same_call, *args)

        def call(*tensors, **_):
            outputs, ends = recomputed(*tensors)
            _assign(seeds, ends)
            return outputs

        return call


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _seed_generators(layer):
    for owner in (layer, *parts_of(layer)):
        for value in vars(owner).values():
            if isinstance(value, keras.random.SeedGenerator):
                yield value
