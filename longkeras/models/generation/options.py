"""Options of generation, and checks of them."""

import dataclasses

import numpy as np
from keras import ops

from longkeras.models.generation.text_pieces import decoded
from longkeras.models.generation.token_choice import end_token_ids

# The number of stop sequences and their length are padded to multiples of these, so
# that programs are reused.
_STOPS, _STOP_LENGTH = 4, 16


@dataclasses.dataclass(frozen=True)
class GenerationOptions:
    """Options of generation.

    Args:
        stop_token_ids: tuple of ids that end a row, or None. Defaults to `None`.
        stop: tuple of strings, before the first of which a text ends. Defaults to
            `()`.
        stop_sequences: tuple of tuples of ids, before the first of which a row ends.
            Defaults to `()`.
        seed: int. Seed of the sampler; None for its own. Defaults to `None`.
        num_global_tokens: int. The first tokens of each prompt that are global.
            Defaults to `0`.
    """

    stop_token_ids: tuple | None = None
    stop: tuple = ()
    stop_sequences: tuple = ()
    seed: int | None = None
    num_global_tokens: int = 0

    @classmethod
    def of(
        cls, model, stop_token_ids="auto", stop=None, seed=None, num_global_tokens=0
    ):
        """Create options from the arguments of `generate` and `stream`.

        `stop` is a str, a list of str, or None; `"auto"` takes the end tokens of the
        model's tokenizer. A `ValueError` refuses an empty stop string, and a stop
        string without a tokenizer.
        """
        stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
        if not all(isinstance(x, str) and x for x in stops):
            raise ValueError(
                "`stop` must be a string or a list of strings, none of them empty. "
                f"Received: stop={stop!r}"
            )
        if stops and model.preprocessor is None:
            raise ValueError(
                "`stop` needs a `preprocessor` to turn text into ids. "
                f"Received: stop={stop!r}, preprocessor=None"
            )
        tokenizer = None if model.preprocessor is None else model.preprocessor.tokenizer
        if isinstance(stop_token_ids, str):
            stop_token_ids = end_token_ids(tokenizer)
        return cls(
            stop_token_ids=None if stop_token_ids is None else tuple(stop_token_ids),
            stop=stops,
            stop_sequences=stop_sequences(tokenizer, stops),
            seed=seed,
            num_global_tokens=num_global_tokens,
        )

    def end_of(self, token_ids):
        """Count the tokens up to the first stop token, which is included."""
        stop_ids = set(self.stop_token_ids or ())
        ends = (place + 1 for place, x in enumerate(token_ids) if x in stop_ids)
        return next(ends, len(token_ids))

    def length_of(self, token_ids):
        """Count the tokens up to a stop token, or before a stop sequence."""
        end = self.end_of(token_ids)
        met = [
            (place + len(sequence), place)
            for sequence in self.stop_sequences
            for place in range(end - len(sequence) + 1)
            if tuple(token_ids[place : place + len(sequence)]) == sequence
        ]
        return min(met)[1] if met else end

    def stop_array(self):
        """Return the stop sequences as an int32 tensor `(stops, length)`.

        Shorter sequences are preceded by -1. Without any, None is returned.
        """
        stops = self.stop_sequences
        if not stops:
            return None
        length = -(-max(map(len, stops)) // _STOP_LENGTH) * _STOP_LENGTH
        # Repeating a sequence changes nothing.
        stops = [*stops, *[stops[0]] * (-len(stops) % _STOPS)]
        array = np.full((len(stops), length), -1, "int32")
        for row, sequence in zip(array, stops, strict=True):
            row[length - len(sequence) :] = sequence
        return ops.convert_to_tensor(array)


def stop_sequences(tokenizer, stops):
    """Return stop strings as ids, which a compiled loop compares with what it wrote.

    A string whose ids decode to another text, as inside a word or in lowercase, is left
    out: only the decoded text is searched for it.
    """
    sequences = ((text, [int(i) for i in tokenizer(text)]) for text in stops)
    return tuple(
        tuple(ids) for text, ids in sequences if ids and text in decoded(tokenizer, ids)
    )


def check_global_tokens(model, is_given):
    """Raise a `ValueError` for global tokens if the model has no such attention."""
    if is_given and not getattr(model.backbone, "use_global_attention", False):
        raise ValueError(
            "`num_global_tokens` and `global_attention_mask` need a backbone that was "
            "made with `use_global_attention=True`. Received: "
            f"a {type(model.backbone).__name__} without it"
        )
