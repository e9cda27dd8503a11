"""Saved models to spoil: an archive's members by name, and back."""

import json
import zipfile

import keras
import numpy as np


def plain_model():
    """Two layers and an optimizer's state: everything that a `.keras` file holds."""
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)]
    )
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    return model


def read_members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_configuration(good, path, change):
    """A copy of a `.keras` file with another configuration."""
    members = read_members(good)
    configuration = json.loads(members["config.json"])
    change(configuration)
    members["config.json"] = json.dumps(configuration).encode()
    return write_members(path, members)


def with_weights(good, path, change):
    """A copy of a `.keras` file, its weights changed as an open HDF5 file."""
    import io

    import h5py

    members = read_members(good)
    weights = io.BytesIO(members["model.weights.h5"])
    with h5py.File(weights, "r+") as content:
        change(content)
    members["model.weights.h5"] = weights.getvalue()
    return write_members(path, members)
