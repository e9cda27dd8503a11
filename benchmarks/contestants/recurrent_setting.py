"""The task of the recurrent case, the same for all contestants."""

import dataclasses

import numpy as np

TASKS = ("forward", "training")
_GATES = 4


@dataclasses.dataclass(frozen=True)
class RecurrentSetting:
    """One point of the recurrent case: LSTM layers one upon another.

    Args:
        contestant: str, a name among the case's contestants.
        task: `"forward"`: the outputs. `"training"`: the outputs and the gradients of
            inputs and weights, given one for the outputs.
        length: int, steps of a sequence.
        batch: int. Defaults to `20`.
        units: int, of inputs, states and outputs. Defaults to `650`.
        num_layers: int. Defaults to `2`.
        reach: None, for the report: there is no window.
        group: str, the part of the report. Defaults to `""`.
        heat: str, the points that are timed in turns. Defaults to `""`.
    """

    contestant: str
    task: str
    length: int
    batch: int = 20
    units: int = 650
    num_layers: int = 2
    reach: None = None
    group: str = ""
    heat: str = ""

    @property
    def is_training(self):
        """bool. True if gradients are computed."""
        return self.task == "training"

    def inputs(self):
        """float32 `(batch, length, units)`."""
        return self._normal(np.random.default_rng(0), 1.0)

    def upstream(self):
        """The gradient of the outputs, shaped like them."""
        return self._normal(np.random.default_rng(1), 1.0)

    def weights(self):
        """Kernel, recurrent kernel and bias of each layer, as Keras has them.

        Returns:
            list of arrays `(units, 4 * units)` twice and `(4 * units,)`, layer by
            layer; gates are input, forget, candidate, output.
        """
        rng = np.random.default_rng(2)
        columns = _GATES * self.units
        shapes = [(self.units, columns), (self.units, columns), (columns,)]
        scale = self.units**-0.5
        return [
            scale * rng.standard_normal(shape, dtype="float32")
            for _ in range(self.num_layers)
            for shape in shapes
        ]

    def facts(self):
        """Description of the work for the result.

        Counted are the products alone: with inputs and with states, and for the
        gradient two more of each.
        """
        names = ("batch", "units", "num_layers")
        products = 2 * (3 if self.is_training else 1)
        each = 2 * self.length * self.batch * _GATES * self.units**2
        return {name: getattr(self, name) for name in names} | {
            "flops": self.num_layers * products * each
        }

    def _normal(self, rng, scale):
        shape = (self.batch, self.length, self.units)
        return scale * rng.standard_normal(shape, dtype="float32")
