"""Random numbers of a row: by its seed and prompt, whatever the batch."""

import collections
import hashlib

import numpy as np
from keras import ops


class RowDraws:
    """Values of a sampler's variables for each row and each of its tokens.

    They depend on the seed, the row's prompt and how often the same prompt stands
    before it in the batch, so that copies of a prompt are continued differently.

    Args:
        sampler: `keras_hub.samplers.Sampler`.
        seed: int, or None: begin where the sampler stands, and let the next ones begin
            elsewhere.
    """

    def __init__(self, sampler, seed):
        self.variables = sampler.variables
        self.entropy = [seed]
        if seed is None:
            values = [ops.convert_to_numpy(x).ravel() for x in self.variables]
            self.entropy = [int(x) for x in np.concatenate([*values, np.zeros(1, int)])]
            for variable in self.variables:
                variable.assign(variable.value + 1)

    def row(self, prompt_ids, copy=0):
        """The draws of one row.

        Args:
            prompt_ids: sequence of int.
            copy: int. Equal prompts before this one. Defaults to `0`.

        Returns:
            `RowOfDraws`.
        """
        digest = hashlib.blake2b(np.array(prompt_ids, "<i8").tobytes(), digest_size=16)
        own = int.from_bytes(digest.digest(), "little")
        return RowOfDraws(self.variables, [*self.entropy, own, copy])

    def table(self, prompts, num_tokens):
        """The draws of several rows.

        Args:
            prompts: list of sequences of int.
            num_tokens: int.

        Returns:
            list of tensors `(num_tokens, rows, ...)`, one a variable.
        """
        if not self.variables:
            return []
        seen = collections.Counter()
        rows = []
        for prompt in map(tuple, prompts):
            rows.append(self.row(prompt, seen[prompt]).arrays(num_tokens))
            seen[prompt] += 1
        return [
            ops.convert_to_tensor(np.stack(arrays, axis=1), dtype=variable.dtype)
            for variable, arrays in zip(
                self.variables, zip(*rows, strict=True), strict=True
            )
        ]


class RowOfDraws:
    """Values of a sampler's variables for one token after the other.

    Args:
        variables: list of `keras.Variable`.
        entropy: list of int.
    """

    def __init__(self, variables, entropy):
        self.variables = variables
        self.rng = np.random.default_rng(entropy)

    def next(self, count):
        """Values for the next tokens: a list of tensors `(count, ...)`."""
        return [
            ops.convert_to_tensor(array, dtype=variable.dtype)
            for variable, array in zip(self.variables, self.arrays(count), strict=True)
        ]

    def arrays(self, count):
        """Values for the next tokens: a list of int64 arrays `(count, ...)`."""
        if not self.variables:
            return []
        sizes = [int(np.prod(x.shape)) for x in self.variables]
        # Token after token, so that it does not matter how many are asked for at once.
        values = self.rng.integers(0, 2**31, size=(count, sum(sizes)))
        parts = np.split(values, np.cumsum(sizes)[:-1], axis=1)
        return [
            part.reshape(count, *variable.shape)
            for part, variable in zip(parts, self.variables, strict=True)
        ]
