"""Options of generation, and checks of them."""

import dataclasses

import numpy as np
from keras import ops

from longkeras.models.generation.text_pieces import spelt
from longkeras.models.generation.token_choice import end_token_ids

# The numbers of stop sequences and their lengths are padded to multiples of these, so
# that one program serves several.
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
        """Options from the arguments of `generate` and `stream`.

        Args:
            model: `keras_hub.models.CausalLM`, whose tokenizer gives the ids.
            stop_token_ids: tuple of int, None, or `"auto"`. Defaults to `"auto"`.
            stop: str, list of str, or None. Defaults to `None`.
            seed: int, or None. Defaults to `None`.
            num_global_tokens: int. Defaults to `0`.

        Returns:
            `GenerationOptions`.

        Raises:
            ValueError: If a stop string is empty, or there is no tokenizer for it.
        """
        stops = stop_texts(stop)
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
        """Count the tokens up to the first stop token, which is included.

        Args:
            token_ids: list of int. A continuation.

        Returns:
            int.
        """
        stop_ids = set(self.stop_token_ids or ())
        ends = (place + 1 for place, x in enumerate(token_ids) if x in stop_ids)
        return next(ends, len(token_ids))

    def length_of(self, token_ids):
        """Count the tokens up to the first stop token or before a stop sequence.

        Args:
            token_ids: list of int. A continuation.

        Returns:
            int.
        """
        end = self.end_of(token_ids)
        met = [
            (place + len(sequence), place)
            for sequence in self.stop_sequences
            for place in range(end - len(sequence) + 1)
            if tuple(token_ids[place : place + len(sequence)]) == sequence
        ]
        return min(met)[1] if met else end

    def stop_array(self):
        """The stop sequences as a tensor.

        Returns:
            int32 `(stops, length)`, with -1 in front of shorter sequences; None if
            there are none.
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


def stop_texts(stop):
    """Check stop strings.

    Args:
        stop: str, list of str, or None.

    Returns:
        tuple of str.

    Raises:
        ValueError: If one of them is empty or not a string.
    """
    stops = [stop] if isinstance(stop, str) else list(stop or [])
    if not all(isinstance(x, str) and x for x in stops):
        raise ValueError(
            "`stop` must be a string or a list of strings, none of them empty. "
            f"Received: stop={stop!r}"
        )
    return tuple(stops)


def stop_sequences(tokenizer, stops):
    """Stop strings as ids, by which a compiled loop knows that a row is over.

    A string that its ids do not spell, since they stand for it inside a word or for a
    lowercase text only, is left out: it is looked for in the text alone.

    Args:
        tokenizer: an object with the interface of `keras_hub.tokenizers.Tokenizer`.
        stops: tuple of str.

    Returns:
        tuple of tuples of int.
    """
    sequences = ((text, [int(i) for i in tokenizer(text)]) for text in stops)
    return tuple(
        tuple(ids) for text, ids in sequences if ids and text in spelt(tokenizer, ids)
    )


def check_global_tokens(model, is_given):
    """Raise an error if there are global tokens and the model has no such attention.

    Args:
        model: `keras_hub.models.CausalLM`.
        is_given: bool, or int. Whether there are global tokens.

    Raises:
        ValueError: If the backbone was made without `use_global_attention`.
    """
    if is_given and not getattr(model.backbone, "use_global_attention", False):
        raise ValueError(
            "`num_global_tokens` and `global_attention_mask` need a backbone that was "
            "made with `use_global_attention=True`. Received: "
            f"a {type(model.backbone).__name__} without it"
        )
