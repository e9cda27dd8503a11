"""A process that trains a small Longformer over some devices, and says what it gave.

python -m tests.models.longformer.training_process NUMBER_OF_DEVICES
"""

import json
import sys

import keras
import numpy as np

from longkeras.models import LongformerTextClassifier
from tests.models.longformer.small_longformer import (
    draw_weights,
    random_inputs,
    small_backbone,
)

LABELS = np.array([0, 2, 1, 1, 0, 2, 2, 1])


def main(argv=None):
    """Train and predict, and print what came of it as one line of JSON."""
    (count,) = argv or sys.argv[1:]
    devices = keras.distribution.list_devices("cpu")[: int(count)]
    if len(devices) > 1:
        keras.distribution.set_distribution(
            keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False)
        )
    classifier = LongformerTextClassifier(small_backbone(), 3, dropout=0.0)
    draw_weights(classifier)
    classifier.compile(keras.optimizers.SGD(0.1))
    inputs = random_inputs(batch_size=8)
    options = {"batch_size": 4, "verbose": 0}
    history = classifier.fit(inputs, LABELS, epochs=2, shuffle=False, **options)
    # From here on the first tokens are global, by the rule.
    del inputs["global_attention_mask"]
    kernel = classifier.backbone.transformer_layers[0].attention.query_dense.kernel
    print(
        json.dumps(
            {
                "devices": len(kernel.value.devices()),
                "losses": history.history["loss"],
                "predicted": classifier.predict(inputs, **options).tolist(),
            }
        )
    )


if __name__ == "__main__":
    main()
