"""A process that reads saved Longformers, on the backend of its environment.

python -m tests.models.longformer.reading_process FOLDER RESULTS.npz

The folder holds `model.keras`, `preset` and `inputs.npz`.
"""

import pathlib
import sys

import keras
import numpy as np

from longkeras.models import LongformerTextClassifier
from tests.models.longformer.small_longformer import outputs_of


def contents_of(model, inputs):
    """Weights and outputs of a model.

    Args:
        model: a task that was saved.
        inputs: dict of arrays.

    Returns:
        dict of arrays: `outputs`, and each weight by its number.
    """
    weights = {
        f"weights_{i}": keras.ops.convert_to_numpy(x)
        for i, x in enumerate(model.trainable_weights)
    }
    return {"outputs": outputs_of(model, inputs), **weights}


def main(argv=None):
    """Read both forms, and write what they hold."""
    folder, results = map(pathlib.Path, argv or sys.argv[1:])
    with np.load(folder / "inputs.npz") as file:
        inputs = dict(file)
    found = {}
    for form, model in (
        ("keras", keras.saving.load_model(folder / "model.keras")),
        ("preset", LongformerTextClassifier.from_preset(str(folder / "preset"))),
    ):
        contents = contents_of(model, inputs)
        found.update({f"{form}/{name}": x for name, x in contents.items()})
    np.savez(results, **found)


if __name__ == "__main__":
    main()
