"""Train a byte-level language model on whole books.

    python -m training.recipes.language_model --data DIR --model byte-lstm

The run goes to `runs/<model>`: configuration, checkpoint, best weights, history and
log. If started again, it continues from its checkpoint. `--stages 3` doubles the length
of windows and the reach of attention from stage to stage and halves the learning rate,
as in the Longformer paper. `--export saved_models` adds the finished model to that
folder and its manifest.
"""

import dataclasses
import functools

from longkeras.data import ByteCorpus, data_directory, load_books
from longkeras.data.directory import each_book
from longkeras.fitting import RunFolder
from training.command_line import recipe_parser, with_options
from training.export import export_model
from training.model_configs import MODEL_CONFIGS
from training.train_language_model import train_language_model

# The optimizers that suit the configured learning rates.
_OPTIMIZERS = ("adamw", "muon")


def main(argv=None):
    """Train, and export if asked."""
    args = _parse(argv)
    config = with_options(MODEL_CONFIGS[args.model], args)
    if args.stages is not None:
        config = dataclasses.replace(config, stage_rate=0.5, grow_windows=True)
    run = RunFolder(args.output or f"runs/{args.model}")
    run.begin(config)
    data = data_directory(args.data)
    model = train_language_model(
        _corpus(config, data, args.shards),
        load_books(data, "valid"),
        config,
        run,
        args.epoch_steps,
        args.held_out_bytes,
    )
    if args.export:
        record = run.record(config)
        export_model(model, config, record, data, args.export, args.test_bytes)


def _corpus(config, data, shards):
    weights = {"en": config.english_weight, "zh": 1.0}
    if shards is None:
        books = load_books(data, "train")
        return ByteCorpus(books, config.seed, weights)
    readers = {
        language: functools.partial(each_book, data, "train", [language])
        for language in weights
    }
    return ByteCorpus.on_disk(shards, readers, config.seed, weights)


def _parse(argv):
    parser = recipe_parser(__doc__, "folder of the run; default runs/<model>")
    parser.add_argument("--model", choices=sorted(MODEL_CONFIGS), required=True)
    parser.add_argument("--export", help="folder of finished models, with a manifest")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--optimizer", choices=_OPTIMIZERS)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--sequence-length", type=int)
    parser.add_argument(
        "--english-weight", type=float, help="windows of English for one of Chinese"
    )
    parser.add_argument(
        "--ngram-sizes",
        type=int,
        nargs="*",
        help="n-grams whose vectors are looked up; without a number, none",
    )
    parser.add_argument(
        "--ngram-head-sizes",
        type=int,
        nargs="*",
        help="orders of the heads that find repetitions; without a number, none",
    )
    parser.add_argument(
        "--stages",
        type=int,
        help="double lengths and windows, and halve the rate, from stage to stage",
    )
    parser.add_argument(
        "--shards", help="folder for the books' ids, read from the disk; else memory"
    )
    parser.add_argument("--epoch-steps", type=int, default=200)
    parser.add_argument("--held-out-bytes", type=int, default=20_000)
    parser.add_argument("--test-bytes", type=int, default=100_000)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
