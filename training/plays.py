"""Shakespeare's plays, split as nanoGPT splits them, and the loss on them."""

import bz2
import math
import pathlib

from longkeras.evaluation import EvaluationProtocol, bits_per_byte

_FILE = pathlib.Path("lm_en_tinyshakespeare") / "input.txt.bz2"
_TRAINING_SHARE = 0.9


def read_plays(data):
    """Read the text and split it.

    Args:
        data: path of the data folder.

    Returns:
        `(training text, held-out text)`.

    Raises:
        ValueError: If there is no data folder, or no such text in it.
    """
    path = None if data is None else data / _FILE
    if path is None or not path.is_file():
        raise ValueError(
            f"`--data` must name a folder with {_FILE}, the `input.txt` of char-rnn "
            f"packed by bzip2. Received: {data}"
        )
    text = bz2.decompress(path.read_bytes()).decode("ascii")
    cut = int(_TRAINING_SHARE * len(text))
    return text[:cut], text[cut:]


def measure_plays(model, text, lengths):
    """Measure the loss on every character of a text.

    Args:
        model: trained `longkeras.models.TransformerCausalLM` or `RecurrentCausalLM`.
        text: str. ASCII.
        lengths: list of int. Characters of a segment.

    Returns:
        dict: `characters`, the length of the text; `segments`, nats per character of
        independent segments of each length, as nanoGPT measures on average; and
        `streaming`, nats per character of the whole text read in one pass.
    """

    def nats(protocol):
        bits = bits_per_byte(model, text, protocol, batch_size=32).bits_per_byte
        return round(bits * math.log(2), 4)

    return {
        "characters": len(text),
        "segments": {
            str(length): nats(EvaluationProtocol("segment", length))
            for length in lengths
        },
        "streaming": nats(EvaluationProtocol("streaming")),
    }
