"""A process that trains some steps and prints its memory beside the prediction.

python -m tests.fitting.memory_process byte-longformer LENGTH BATCH_SIZE
"""

import dataclasses
import json
import sys

import keras
import numpy as np

from benchmarks.measurement import (
    peak_resident_bytes,
    release_freed_memory,
    reset_peak,
    resident_bytes,
)
from longkeras.data import Book, ByteCorpus
from longkeras.fitting import compile_for_training, plan_memory
from training.model_configs import MODEL_CONFIGS, build_model

# The first one compiles, which takes more than any other.
STEPS = 4


class Rise(keras.callbacks.Callback):
    """What a step takes above what is resident after the first one."""

    bytes = None

    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            release_freed_memory()
            self.before = resident_bytes()
            reset_peak()

    def on_train_end(self, logs=None):
        if self.before is not None:
            self.bytes = peak_resident_bytes() - self.before


def main(name, length, batch_size):
    config = MODEL_CONFIGS[name]
    # A short run, which TensorFlow's graph takes: XLA's own memory hides the step's.
    config = dataclasses.replace(config, sequence_length=length, stages=1, steps=500)
    model = build_model(config)
    compile_for_training(model, config.optimizer_settings())
    letters = np.random.default_rng(0).integers(97, 123, 2 * batch_size * length)
    corpus = ByteCorpus([Book("letters", "en", bytes(letters.tolist()).decode())])
    windows = corpus.training_windows(length, batch_size)
    plan = plan_memory(model, windows[0])
    rise = Rise()
    model.fit(
        windows, steps_per_epoch=STEPS, shuffle=False, verbose=0, callbacks=[rise]
    )
    # Weights and the optimizer's state are there before.
    predicted = plan.gradients + plan.activations
    print(json.dumps({"predicted": predicted, "measured": rise.bytes}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
