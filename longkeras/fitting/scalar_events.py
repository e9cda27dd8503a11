"""Event files for TensorBoard, written without it."""

import pathlib
import struct
import time

import keras

from longkeras.fitting.batch_count import batches_done

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed.


class ScalarEvents(keras.callbacks.Callback):
    """Writes the logs of each epoch to a file for TensorBoard.

    `keras.callbacks.TensorBoard` needs the package `tensorboard`, which is no longer
    installed with TensorFlow, and TensorFlow itself on any backend. This callback needs
    neither, and runs on TensorFlow, JAX and PyTorch. The x-axis is the number of
    batches, so that a resumed run continues its line. View the file with
    `tensorboard --logdir FOLDER`.

    Args:
        folder: path. Created if missing; each run writes its own file into it.

    Example:

    ```python
    import pathlib
    import tempfile

    import keras
    import numpy as np
    from longkeras.fitting import ScalarEvents

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    folder = pathlib.Path(tempfile.mkdtemp())
    events = ScalarEvents(folder)
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[events])
    assert list(folder.glob("events.out.tfevents.*"))
    ```

    Reference:
        [event.proto](https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/event.proto)
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self._path = None

    def on_epoch_end(self, epoch, logs=None):
        if self._path is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            name = f"events.out.tfevents.{time.time_ns()}.longkeras"
            self._path = self.folder / name
            self._write(_field(3, b"brain.Event:2"))
        values = [
            _field(1, _field(1, name.encode()) + b"\x15" + struct.pack("<f", value))
            for name, value in (logs or {}).items()
        ]
        step = b"\x10" + _varint(batches_done(self.model))
        self._write(step + _field(5, b"".join(values)))

    def _write(self, fields):
        event = b"\x09" + struct.pack("<d", time.time()) + fields
        length = struct.pack("<Q", len(event))
        with open(self._path, "ab") as file:
            file.write(length + _checksum(length) + event + _checksum(event))


def _field(number, content):
    """A protocol buffer field of bytes."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number):
    digits = []
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def _checksum(content):
    """CRC-32C, masked as in TensorFlow's record files."""
    remainder = 0xFFFFFFFF
    for byte in content:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ _POLYNOMIAL * (remainder & 1)
    remainder ^= 0xFFFFFFFF
    rotated = (remainder >> 15 | remainder << 17) & 0xFFFFFFFF
    return struct.pack("<I", (rotated + 0xA282EAD8) & 0xFFFFFFFF)
