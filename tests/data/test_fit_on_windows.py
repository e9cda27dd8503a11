"""What `fit` makes of the endless dataset, epochs and a resumed run included."""

import keras
import numpy as np

from longkeras.data import Book, ByteCorpus

STEPS_PER_EPOCH = 3


class BatchLog(keras.Model):
    """A model that keeps the first ids of each batch it was trained on."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Embedding(259, 259)
        self.log = self.add_weight(
            shape=(40,), initializer="zeros", trainable=False, name="log"
        )
        self.seen = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="seen"
        )

    def call(self, inputs, training=False):
        token_ids = inputs["token_ids"]
        if training:
            place = keras.ops.arange(40, dtype="float32") == self.seen
            first = keras.ops.cast(keras.ops.sum(token_ids), "float32")
            self.log.assign(keras.ops.where(place, first, self.log))
            self.seen.assign(self.seen + 1)
        return self.dense(token_ids)


def corpus():
    texts = {"en": "It was the best of times. " * 30, "zh": "话说天下大势，" * 30}
    return ByteCorpus([Book(name, name, text) for name, text in texts.items()], seed=5)


def batches_seen(start_step, initial_epoch, epochs):
    model = BatchLog()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    windows = corpus().training_windows(16, 2, start_step=start_step)
    model.fit(
        windows,
        steps_per_epoch=STEPS_PER_EPOCH,
        initial_epoch=initial_epoch,
        epochs=epochs,
        shuffle=False,
        verbose=0,
    )
    count = int(model.seen)
    return np.asarray(model.log)[:count].tolist()


def test_fit_reads_on_from_epoch_to_epoch_and_from_run_to_run():
    windows = corpus().training_windows(16, 2)
    expected = [float(windows[step][0]["token_ids"].sum()) for step in range(12)]
    assert len(set(expected)) > 8
    assert batches_seen(0, 0, 4) == expected
    assert batches_seen(2 * STEPS_PER_EPOCH, 2, 4) == expected[6:]
