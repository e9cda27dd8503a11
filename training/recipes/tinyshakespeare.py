"""Train on a megabyte of Shakespeare, as nanoGPT does, and compare.

    python -m training.recipes.tinyshakespeare --data DIR --setting small

`DIR/lm_en_tinyshakespeare/input.txt.bz2` is split as nanoGPT splits it: the first nine
tenths to train on, the rest to measure. The text is ASCII, so that a byte here is a
character there. Runs go to `runs/tinyshakespeare-<setting>`, and on from their
checkpoint; `result.json` has the loss of the best weights.
"""

import dataclasses

from longkeras.data import Book, ByteCorpus, data_directory
from longkeras.fitting import RunFolder
from training.command_line import recipe_parser, with_options
from training.model_configs import LanguageModelConfig
from training.plays import measure_plays, read_plays
from training.train_language_model import train_language_model


@dataclasses.dataclass(frozen=True)
class Setting:
    """A run, and what it is compared with.

    Args:
        config: `training.model_configs.LanguageModelConfig`.
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
        # Without a `window`, attention covers a whole training window; longer texts can
        # still be read.
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
    """Train, measure, and compare with nanoGPT."""
    args = _parse(argv)
    setting = SETTINGS[args.setting]
    config = with_options(setting.config, args)
    run = RunFolder(args.output or f"runs/{config.name}")
    run.begin(config)
    train_text, held_out = read_plays(data_directory(args.data))
    model = train_language_model(
        ByteCorpus([Book("plays", "en", train_text)], config.seed),
        [Book("plays", "en", held_out)],
        config,
        run,
        args.epoch_steps,
        args.held_out_bytes,
    )
    model.load_weights(run.checkpoint().best_path)
    lengths = args.segment_lengths or [config.sequence_length]
    result = measure_plays(model, held_out, lengths)
    result.update(nanogpt=setting.nanogpt, parameters=model.count_params())
    run.write_result(result)


def _parse(argv):
    parser = recipe_parser(
        __doc__,
        "default runs/tinyshakespeare-<setting>",
        data_help="data folder; default LONGKERAS_DATA",
    )
    parser.add_argument("--setting", choices=sorted(SETTINGS), default="small")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--epoch-steps", type=int, default=250)
    parser.add_argument("--held-out-bytes", type=int, default=20_000)
    parser.add_argument(
        "--segment-lengths", type=int, nargs="+", help="default: as in training"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
