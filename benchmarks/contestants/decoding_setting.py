"""The task of the decoding case, the same for all contestants."""

import dataclasses

import numpy as np

MODELS = ("sliding window", "full attention", "LSTM")


@dataclasses.dataclass(frozen=True)
class DecodingSetting:
    """One point of the decoding case.

    Args:
        contestant: str, a name among the case's contestants.
        model: str, one of `MODELS`.
        length: int, tokens before the first that is written.
        reach: int, keys that a token sees in a window, or None without one.
        num_tokens: int, tokens to write. Defaults to `32`.
        num_layers: int. Defaults to `4`.
        num_heads: int. Defaults to `4`.
        hidden_dim: int. Defaults to `256`.
        intermediate_dim: int. Defaults to `688`.
        vocabulary_size: int. Defaults to `259`.
        group: str, the part of the report. Defaults to `""`.
        heat: str, the points that are timed in turns. Defaults to `""`.
    """

    contestant: str
    model: str
    length: int
    reach: int | None
    num_tokens: int = 32
    num_layers: int = 4
    num_heads: int = 4
    hidden_dim: int = 256
    intermediate_dim: int = 688
    vocabulary_size: int = 259
    group: str = ""
    heat: str = ""

    def token_ids(self):
        """Ids of bytes `(1, length)`, int32."""
        rng = np.random.default_rng(0)
        return rng.integers(3, self.vocabulary_size, (1, self.length), dtype="int32")

    def facts(self, parameters):
        """Description of the work for the result."""
        names = ("model", "num_tokens", "num_layers", "hidden_dim", "num_heads")
        return {name: getattr(self, name) for name in names} | {
            "parameters": int(parameters)
        }
