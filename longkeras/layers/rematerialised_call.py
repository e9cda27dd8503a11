"""What `keras.RematScope` needs of a layer with masks and dropout on TensorFlow."""

import keras

from longkeras.layers.parts import parts_of


class RematerialisedCall:
    """Lets a layer be recomputed in the backward pass, exactly, dropout included.

    TensorFlow recomputes functions of positional tensors only, so masks and
    `training` are bound to the call. A recomputation would draw other numbers for
    dropout than the first time, and give gradients of another function: so it starts
    from the same seeds. And JAX wants told what the seeds are afterwards. A mixin, to
    stand before `keras.layers.Layer`.
    """

    def rematerialized_call(self, layer_call, *args, **kwargs):
        """See `keras.layers.Layer.rematerialized_call`."""
        remat = super().rematerialized_call
        return self._from_same_seeds(remat, layer_call, args, kwargs)

    def recomputed(self, *args, **kwargs):
        """`call`, of which everything is computed again for the gradient.

        Args:
            *args: tensors.
            **kwargs: further arguments of the call, without gradient.

        Returns:
            What the layer returns.
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
