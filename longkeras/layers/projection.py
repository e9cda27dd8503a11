"""Built dense layers whose seeded initializers differ by name."""

import zlib

import keras


def projection(name, input_dim, output_dim, kernel_initializer, **options):
    """Return a built `keras.layers.Dense`.

    A seeded initializer gives equal kernels to all layers that share it, which would
    then train alike. So the name of the projection is part of the seed.

    Args:
        name: str.
        input_dim: int.
        output_dim: int.
        kernel_initializer: `keras.initializers.Initializer`.
        **options: further arguments of `keras.layers.Dense`.

    Returns:
        `keras.layers.Dense`.
    """
    dense = keras.layers.Dense(
        output_dim,
        kernel_initializer=_initializer_for(name, kernel_initializer),
        name=name,
        **options,
    )
    dense.build((None, None, input_dim))
    return dense


def _initializer_for(name, initializer):
    config = initializer.get_config()
    seed = config.get("seed")
    if not isinstance(seed, int):
        return initializer.clone()
    seed = zlib.crc32(f"{name} {seed}".encode()) % 2**31
    return initializer.from_config({**config, "seed": seed})
