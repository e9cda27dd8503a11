"""Train a byte-level language model on whole books.

    python -m training.recipes.language_model --data DIR --model byte-lstm

The run goes to `runs/<model>`: configuration, checkpoint, best weights, history and
log. Started again, it goes on from its checkpoint. `--stages 3` doubles the length of
windows and the reach of attention from stage to stage and halves the learning rate, as
in Longformer's paper. `--export saved_models` puts the finished model there and into
the manifest.
"""

import argparse
import dataclasses
import functools
import json
import logging
import pathlib

import keras

from longkeras.data import ByteCorpus, data_directory, load_books
from longkeras.data.directory import each_book
from longkeras.fitting import (
    FiniteGuard,
    NonFiniteError,
    ProgressLog,
    ScalarEvents,
    TrainingCheckpoint,
    explain_non_finite,
    plan_memory,
    should_jit_compile,
)
from longkeras.fitting.checkpoint import write_json
from training.contestants import CONTESTANTS, build_model
from training.export import export_model
from training.held_out import HeldOutBits
from training.optimizers import OPTIMIZERS, build_optimizer

_LOGGER = logging.getLogger("training")
# Fields of a contestant's configuration that the command line may change.
_CHANGEABLE = (
    "steps",
    "optimizer",
    "learning_rate",
    "batch_size",
    "sequence_length",
    "english_weight",
    "ngram_sizes",
    "ngram_head_sizes",
)


def main(argv=None):
    """Train, and export if asked."""
    args = _parse(argv)
    folder = pathlib.Path(args.output or pathlib.Path("runs") / args.model)
    folder.mkdir(parents=True, exist_ok=True)
    log_to(folder / "log.txt")
    config = CONTESTANTS[args.model]
    changes = {
        name: getattr(args, name)
        for name in _CHANGEABLE
        if getattr(args, name) is not None
    }
    if args.stages is not None:
        changes.update(stages=args.stages, stage_rate=0.5, grow_windows=True)
    config = dataclasses.replace(config, **changes)
    write_json(folder / "config.json", dataclasses.asdict(config))
    data = data_directory(args.data)
    model = train(
        config, data, folder, args.epoch_steps, args.held_out_bytes, args.shards
    )
    if args.export:
        history = json.loads((folder / "history.json").read_text("utf-8"))
        export_model(model, config, history, data, args.export, args.test_bytes)


def train(config, data, folder, epoch_steps=200, held_out_bytes=20_000, shards=None):
    """Train a contestant, going on from the folder's checkpoint if there is one.

    Args:
        config: `training.contestants.LanguageModelConfig`.
        data: path of the data folder, or None for the bundled samples.
        folder: path of the run.
        epoch_steps: int. Steps between checkpoints. Defaults to `200`.
        held_out_bytes: int. Bytes read of each held-out book at a checkpoint.
            Defaults to `20_000`.
        shards: path. Where the books' ids are kept, and read from; written if they
            are not there. Defaults to `None`: they are kept in memory.

    Returns:
        The trained model.

    Raises:
        longkeras.fitting.NonFiniteError: If the loss or a weight became NaN or
            infinite; it names the layer. Checkpoint and best weights stay.
    """
    keras.utils.set_random_seed(config.seed)
    corpus = _corpus(config, data, shards)
    held_out = load_books(data, "valid")
    return train_on(corpus, held_out, config, folder, epoch_steps, held_out_bytes)


def train_on(corpus, held_out, config, folder, epoch_steps, held_out_bytes):
    """Train on any corpus, as `train` does on books.

    Args:
        corpus: `longkeras.data.ByteCorpus`.
        held_out: list of `longkeras.data.Book`, read at each checkpoint.
        config: `training.contestants.LanguageModelConfig`.
        folder: path of the run.
        epoch_steps: int. Steps between checkpoints.
        held_out_bytes: int. Bytes read of each held-out book.

    Returns:
        The trained model.

    Raises:
        longkeras.fitting.NonFiniteError: As `train`.
    """
    for language, counts in corpus.counts(config.sequence_length).items():
        _LOGGER.info("%s: %s", language, counts)
    checkpoint = TrainingCheckpoint(folder, monitor="bits_per_byte")
    ends = config.stage_ends(epoch_steps)
    model, step = _restored(config, checkpoint, ends)
    _LOGGER.info("%s: %d parameters", config.name, model.count_params())
    _LOGGER.info("starting at step %d of %d", step, config.steps)
    callbacks = [
        FiniteGuard(),
        ProgressLog(
            config.steps, config.bytes_per_step, first_step=step, bytes_per_token=1.0
        ),
        HeldOutBits(held_out, held_out_bytes),
        ScalarEvents(pathlib.Path(folder) / "tensorboard"),
    ]
    if step in ends:
        _keep_stage(config, checkpoint, ends, ends.index(step))
    while step < config.steps:
        stage = config.stage_number(step)
        if config.grow_windows:
            model, step = _restored(config, checkpoint, ends, stage)
        step = _train_stage(
            model, corpus, config, step, epoch_steps, callbacks, checkpoint
        )
        _keep_stage(config, checkpoint, ends, stage)
    return model


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


def _restored(config, checkpoint, ends, stage=-1):
    """The model of a stage as the last checkpoint left it, and the steps it took."""
    model = build_model(config, stage)
    compile_model(model, config, ends)
    return model, checkpoint.restore(model)


def _keep_stage(config, checkpoint, ends, stage):
    """Keeps the model of a stage that is done; the next run does after a kill."""
    preset = checkpoint.folder / f"stage-{stage + 1}"
    if config.stages > 1 and not preset.exists():
        model, _ = _restored(config, checkpoint, ends, stage)
        model.save_to_preset(str(preset))


def _train_stage(model, corpus, config, step, epoch_steps, callbacks, checkpoint):
    """Train from `step` to the end of its stage, or the first checkpoint after it."""
    sequence_length, batch_size, end = config.stage_of(step)
    _LOGGER.info(
        "from step %d on: %d windows of %d bytes a step",
        step,
        batch_size,
        sequence_length,
    )
    windows = functools.partial(corpus.training_windows, sequence_length, batch_size)
    for line in str(plan_memory(model, windows(0)[0])).splitlines():
        _LOGGER.info(line)
    last_epoch = -(-end // epoch_steps)
    try:
        model.fit(
            windows(start_step=step),
            steps_per_epoch=epoch_steps,
            initial_epoch=step // epoch_steps,
            epochs=last_epoch,
            shuffle=False,
            verbose=0,
            callbacks=[*callbacks, checkpoint],
        )
    except NonFiniteError as error:
        _LOGGER.error("%s Looking for the layer.", error)
        explanation = explain_non_finite(
            model, checkpoint, lambda step: windows(start_step=step)[0], error.step
        )
        _LOGGER.error(explanation)
        raise NonFiniteError(f"{error} {explanation}", error.step) from error
    return last_epoch * epoch_steps


def compile_model(model, config, stage_ends=()):
    """Compile with the run's optimizer, under XLA where that helps.

    Args:
        model: from `training.contestants.build_model`.
        config: `training.contestants.LanguageModelConfig`.
        stage_ends: list of int. Steps after which the learning rate changes with the
            stage. Defaults to `()`.
    """
    model.compile(
        optimizer=build_optimizer(config, stage_ends),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[],
        jit_compile=should_jit_compile(model, config.steps),
    )


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--data", help="data folder; default LONGKERAS_DATA, or samples"
    )
    parser.add_argument("--model", choices=sorted(CONTESTANTS), required=True)
    parser.add_argument("--output", help="folder of the run; default runs/<model>")
    parser.add_argument("--export", help="folder of finished models, with a manifest")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--optimizer", choices=OPTIMIZERS)
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


def log_to(path):
    """Log to the screen and to a file of the run.

    Args:
        path: path. Appended to.
    """
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        handlers=[logging.StreamHandler(), logging.FileHandler(path, encoding="utf-8")],
        force=True,
    )


if __name__ == "__main__":
    main()
