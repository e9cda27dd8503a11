"""The task of the attention case, the same for all contestants."""

import dataclasses

import numpy as np

TASKS = ("forward", "training", "matmul", "copy")
# The gradient has five products where the forward pass has two.
_BACKWARD_PRODUCTS, _FORWARD_PRODUCTS = 5, 2


@dataclasses.dataclass(frozen=True)
class Setting:
    """One point of the attention case.

    Args:
        contestant: str, a name among the case's contestants.
        task: `"forward"`: the output. `"training"`: the output and the gradients of
            all float inputs, given one for the output. `"matmul"` and `"copy"`: the
            ceilings of the machine, in the contestant's library, with square
            matrices.
        length: int, queries and keys, or rows of a matrix.
        reach: int, keys seen on each side of a query; None is full attention.
            Defaults to `None`.
        num_globals: int, tokens that see and are seen by all, spread evenly, with
            queries, keys and values of their own. Defaults to `0`.
        is_causal: bool, nothing after the query is seen. Defaults to `False`.
        batch: int. Defaults to `1`.
        num_heads: int. Defaults to `12`.
        head_dim: int. Defaults to `64`.
        dtype: str. Defaults to `"float32"`.
        group: str, the part of the report. Defaults to `""`.
        heat: str, the points that are timed in turns. Defaults to `""`.
    """

    contestant: str
    task: str
    length: int
    reach: int | None = None
    num_globals: int = 0
    is_causal: bool = False
    batch: int = 1
    num_heads: int = 12
    head_dim: int = 64
    dtype: str = "float32"
    group: str = ""
    heat: str = ""

    @property
    def is_training(self):
        """bool. True if gradients are computed."""
        return self.task == "training"

    def inputs(self):
        """Float arrays `(batch, length, heads, head_dim)`.

        Returns:
            list: query, key, value, and with global tokens theirs.
        """
        rng = np.random.default_rng(0)
        return [self._normal(rng) for _ in range(6 if self.num_globals else 3)]

    def upstream(self):
        """The gradient of the output, shaped like it."""
        return self._normal(np.random.default_rng(1))

    def global_mask(self):
        """bool `(batch, length)`, True at the global tokens."""
        mask = np.zeros((self.batch, self.length), "bool")
        if self.num_globals:
            mask[:, np.arange(self.num_globals) * self.length // self.num_globals] = (
                True
            )
        return mask

    def band(self):
        """bool `(length, length)`, True where key j is in the window of query i."""
        if self.reach is None:
            return np.ones((self.length, self.length), "bool")
        i, j = np.arange(self.length)[:, None], np.arange(self.length)
        last = 0 if self.is_causal else self.reach
        return (j - i >= -self.reach) & (j - i <= last)

    def matrix(self):
        """A square matrix for the matrix product."""
        shape = (self.length, self.length)
        return np.random.default_rng(0).standard_normal(shape, dtype="float32")

    def flops(self):
        """Operations in the definition of attention, not corrected at the text's ends.

        Two products, scores and sums: 4 * length * keys a query * heads * head_dim;
        the gradient has five, of which one computes the scores anew.
        """
        if self.task == "matmul":
            return 2 * self.length**3
        if self.task == "copy":
            return 0
        sides = 1 if self.is_causal else 2
        keys = self.length if self.reach is None else sides * self.reach + 1
        keys = min(keys, self.length) + self.num_globals
        forward = 4 * self.batch * self.length * keys * self.num_heads * self.head_dim
        products = _FORWARD_PRODUCTS + _BACKWARD_PRODUCTS * self.is_training
        return forward * products / _FORWARD_PRODUCTS

    def facts(self):
        """Description of the work for the result."""
        return {
            "batch": self.batch,
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "dtype": self.dtype,
            "flops": self.flops(),
            "moved_bytes": 8 * self.length**2 if self.task == "copy" else None,
        }

    def _normal(self, rng):
        shape = (self.batch, self.length, self.num_heads, self.head_dim)
        return rng.standard_normal(shape, dtype="float32")
