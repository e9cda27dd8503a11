"""TensorBoard's files, read by TensorFlow's own reader."""

import keras
import numpy as np
import pytest

from longkeras.fitting import ScalarEvents


def test_epochs_are_written_as_tensorflow_reads_them(tmp_path):
    tf = pytest.importorskip("tensorflow")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    events = ScalarEvents(tmp_path / "logs")
    events.set_model(model)
    for step, loss in ((3, 2.5), (300, np.float32(1.25))):
        model.optimizer.build(model.trainable_variables)
        model.optimizer.iterations.assign(step)
        events.on_epoch_end(0, {"loss": loss, "bits_per_byte_en": 0.5})
    (path,) = (tmp_path / "logs").iterdir()
    read = list(tf.compat.v1.train.summary_iterator(str(path)))
    assert read[0].file_version == "brain.Event:2"
    assert [event.step for event in read[1:]] == [3, 300]
    values = {value.tag: value.simple_value for value in read[2].summary.value}
    assert values == {"loss": 1.25, "bits_per_byte_en": 0.5}
