"""Train on a megabyte of Shakespeare, as nanoGPT does, and compare.

    python -m training.recipes.tinyshakespeare --data DIR --setting small

`DIR/lm_en_tinyshakespeare/input.txt.bz2` is split as nanoGPT splits it: the first nine
tenths to train on, the rest to measure. The text is ASCII, so that a byte here is a
character there. Runs go to `runs/tinyshakespeare-<setting>`, and on from their
checkpoint; `result.json` has the loss of the best weights.
"""

import argparse
import bz2
import dataclasses
import json
import logging
import math
import pathlib

import keras

from longkeras.data import Book, ByteCorpus, data_directory
from longkeras.evaluation import EvaluationProtocol, bits_per_byte
from longkeras.fitting import TrainingCheckpoint
from longkeras.fitting.checkpoint import write_json
from training.contestants import LanguageModelConfig
from training.recipes.language_model import log_to, train_on

_LOGGER = logging.getLogger("training")
_FILE = pathlib.Path("lm_en_tinyshakespeare") / "input.txt.bz2"
_TRAINING_SHARE = 0.9


@dataclasses.dataclass(frozen=True)
class Setting:
    """A run, and what it is compared with.

    Args:
        config: `training.contestants.LanguageModelConfig`.
        nanogpt: float. The loss of nanoGPT's README that it is compared with, in nats
            a character; None where there is none.
    """

    config: LanguageModelConfig
    nanogpt: float | None = None


def _setting(
    name, nanogpt, num_layers, hidden_dim, num_heads, length, window=None, **others
):
    config = LanguageModelConfig(
        name=f"tinyshakespeare-{name}",
        family="sliding_window",
        title="Shakespeare",
        num_layers=num_layers,
        hidden_dim=hidden_dim,
        num_heads=num_heads,
        # Three matrices of a gated layer are as large as the two of a plain one.
        intermediate_dim=8 * round(hidden_dim / 3),
        # Without a `window`, whole windows of training are seen; longer texts are read
        # all the same.
        attention_window=(window or length,) * num_layers,
        sequence_length=length,
        optimizer="muon",
        weight_decay=0.1,
        english_weight=1.0,
        **others,
    )
    return Setting(config, nanogpt)


SETTINGS = {
    "small": _setting(
        "small", 1.88, 4, 128, 4, 64, batch_size=12, steps=2000, learning_rate=6e-3
    ),
    "recalling": _setting(
        "recalling",
        1.4697,
        4,
        128,
        4,
        1024,
        window=256,
        batch_size=4,
        steps=2500,
        learning_rate=6e-3,
        dropout=0.1,
        ngram_sizes=(2, 3, 4),
        ngram_bins=8192,
        ngram_dim=32,
        ngram_head_sizes=(3, 4, 5, 6, 7, 8, 10, 12, 16),
    ),
    "medium": _setting(
        "medium",
        None,
        4,
        256,
        4,
        256,
        batch_size=8,
        steps=1500,
        learning_rate=5e-3,
        dropout=0.1,
    ),
    "large": _setting(
        "large",
        1.4697,
        6,
        384,
        6,
        256,
        batch_size=64,
        steps=5000,
        learning_rate=3e-3,
        dropout=0.2,
    ),
}


def main(argv=None):
    """Train, measure, and say how far from nanoGPT that is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", help="data folder; default LONGKERAS_DATA")
    parser.add_argument("--setting", choices=sorted(SETTINGS), default="small")
    parser.add_argument("--output", help="default runs/tinyshakespeare-<setting>")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--epoch-steps", type=int, default=250)
    parser.add_argument("--held-out-bytes", type=int, default=20_000)
    parser.add_argument(
        "--segment-lengths", type=int, nargs="+", help="default: as in training"
    )
    args = parser.parse_args(argv)
    setting = SETTINGS[args.setting]
    config = setting.config
    if args.steps is not None:
        config = dataclasses.replace(config, steps=args.steps)
    folder = pathlib.Path(args.output or pathlib.Path("runs") / config.name)
    folder.mkdir(parents=True, exist_ok=True)
    log_to(folder / "log.txt")
    write_json(folder / "config.json", dataclasses.asdict(config))
    train_text, held_out = read_plays(data_directory(args.data))
    keras.utils.set_random_seed(config.seed)
    model = train_on(
        ByteCorpus([Book("plays", "en", train_text)], config.seed),
        [Book("plays", "en", held_out)],
        config,
        folder,
        args.epoch_steps,
        args.held_out_bytes,
    )
    model.load_weights(TrainingCheckpoint(folder).best_path)
    lengths = args.segment_lengths or [config.sequence_length]
    result = measure(model, held_out, lengths)
    result.update(nanogpt=setting.nanogpt, parameters=model.count_params())
    write_json(folder / "result.json", result)
    _LOGGER.info(json.dumps(result))


def read_plays(data):
    """Read the text and cut it in two.

    Args:
        data: path of the data folder.

    Returns:
        `(text to train on, text to measure)`.

    Raises:
        ValueError: Without a data folder, or if it has no such text.
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


def measure(model, text, lengths):
    """The loss of every character of a text.

    Args:
        model: trained `longkeras.models.TransformerCausalLM` or `RecurrentCausalLM`.
        text: str. ASCII.
        lengths: list of int. Characters of a segment.

    Returns:
        dict: nats a character of independent segments of each length, as nanoGPT's are
        in the mean, and of the whole text in one pass; and how many characters there
        are.
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


if __name__ == "__main__":
    main()
