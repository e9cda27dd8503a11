"""A process that saves one model again and again, to be killed or starved of space.

python -m tests.saving_process killed FOLDER    saves until it is killed
python -m tests.saving_process starved FOLDER   saves with less and less space
"""

import json
import pathlib
import resource
import sys

import longkeras
from longkeras.models import (
    ByteTokenizer,
    CausalTransformerBackbone,
    TransformerCausalLM,
    TransformerCausalLMPreprocessor,
)

FORMS = {
    "model.keras": lambda model, path: model.save(path),
    "checked.keras": longkeras.save_model,
    "model.weights.h5": lambda model, path: model.save_weights(path),
    "preset": lambda model, path: model.save_to_preset(path),
    "checked": longkeras.save_model,
}
# Bytes a file may have: the whole model takes some eight million.
LIMITS = (0, 50, 5_000, 200_000, 4_000_000, 7_000_000)


def large_model():
    """Some two million weights, so that saving them takes a while."""
    backbone = CausalTransformerBackbone(259, 2, 4, 256, 1024, attention_window=8)
    preprocessor = TransformerCausalLMPreprocessor(ByteTokenizer(), sequence_length=16)
    return TransformerCausalLM(backbone, preprocessor)


def fill(model, value):
    """Sets every weight to one value, so that a mixture is seen."""
    for weight in model.trainable_variables:
        weight.assign(0 * weight + value)


def save_until_killed(folder):
    model = large_model()
    value = 0
    while True:
        fill(model, value)
        for name, save in FORMS.items():
            save(model, folder / name)
        print(value, flush=True)
        value += 1


def save_without_space(folder):
    model = large_model()
    fill(model, 1)
    for name, save in FORMS.items():
        save(model, folder / name)
    fill(model, 2)
    failed = []
    for limit in LIMITS:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        for name, save in FORMS.items():
            try:
                save(model, folder / name)
            except (OSError, RuntimeError, ValueError) as error:
                failed.append([name, limit, type(error).__name__])
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    )
    print(json.dumps(failed), flush=True)


if __name__ == "__main__":
    how = {"killed": save_until_killed, "starved": save_without_space}[sys.argv[1]]
    how(pathlib.Path(sys.argv[2]))
