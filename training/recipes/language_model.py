"""Train a byte-level language model on whole books.

    python -m training.recipes.language_model --data DIR --model byte-lstm

The run goes to `runs/<model>`: configuration, checkpoint, history and log. Started
again, it goes on from its checkpoint. `--export saved_models` puts the finished model
there and into the manifest.
"""

import argparse
import dataclasses
import json
import logging
import pathlib

import keras

from longkeras.data import ByteCorpus, data_directory, load_books
from longkeras.fitting import (
    ProgressLog,
    TrainingCheckpoint,
    WarmupStableDecay,
    should_jit_compile,
)
from longkeras.fitting.checkpoint import write_json
from training.contestants import CONTESTANTS, build_model
from training.export import export_model
from training.held_out import HeldOutBits

_LOGGER = logging.getLogger("training")


def main(argv=None):
    """Train, and export if asked."""
    args = _parse(argv)
    folder = pathlib.Path(args.output or pathlib.Path("runs") / args.model)
    folder.mkdir(parents=True, exist_ok=True)
    _log_to(folder / "log.txt")
    config = CONTESTANTS[args.model]
    changes = {
        name: getattr(args, name)
        for name in ("steps", "learning_rate", "batch_size", "sequence_length")
        if getattr(args, name) is not None
    }
    config = dataclasses.replace(config, **changes)
    write_json(folder / "config.json", dataclasses.asdict(config))
    data = data_directory(args.data)
    model = train(config, data, folder, args.epoch_steps, args.held_out_bytes)
    if args.export:
        history = json.loads((folder / "history.json").read_text("utf-8"))
        export_model(model, config, history, data, args.export, args.test_bytes)


def train(config, data, folder, epoch_steps=200, held_out_bytes=20_000):
    """Train a contestant, going on from the folder's checkpoint if there is one.

    Args:
        config: `training.contestants.LanguageModelConfig`.
        data: path of the data folder, or None for the bundled samples.
        folder: path of the run.
        epoch_steps: int. Steps between checkpoints. Defaults to `200`.
        held_out_bytes: int. Bytes read of each held-out book at a checkpoint.
            Defaults to `20_000`.

    Returns:
        The trained model.
    """
    keras.utils.set_random_seed(config.seed)
    corpus = ByteCorpus(
        load_books(data, "train"),
        seed=config.seed,
        language_weights={"en": config.english_weight, "zh": 1.0},
    )
    for language, counts in corpus.counts(config.sequence_length).items():
        _LOGGER.info("%s: %s", language, counts)
    model = build_model(config)
    compile_model(model, config)
    _LOGGER.info("%s: %d parameters", config.name, model.count_params())

    checkpoint = TrainingCheckpoint(folder)
    step = checkpoint.restore(model)
    _LOGGER.info("starting at step %d of %d", step, config.steps)
    held_out = HeldOutBits(load_books(data, "valid"), held_out_bytes)
    progress = ProgressLog(config.steps, config.bytes_per_step, first_step=step)
    callbacks = [progress, held_out, checkpoint]
    while step < config.steps:
        step = _train_stage(model, corpus, config, step, epoch_steps, callbacks)
    return model


def _train_stage(model, corpus, config, step, epoch_steps, callbacks):
    """Train from `step` to the end of its stage, or the first checkpoint after it."""
    sequence_length, batch_size, end = config.stage_of(step)
    _LOGGER.info(
        "from step %d on: %d windows of %d bytes a step",
        step,
        batch_size,
        sequence_length,
    )
    last_epoch = -(-end // epoch_steps)
    model.fit(
        corpus.training_windows(sequence_length, batch_size, start_step=step),
        steps_per_epoch=epoch_steps,
        initial_epoch=step // epoch_steps,
        epochs=last_epoch,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )
    return last_epoch * epoch_steps


def compile_model(model, config):
    """Compile with AdamW on the run's schedule, XLA where it helps.

    Args:
        model: from `training.contestants.build_model`.
        config: `training.contestants.LanguageModelConfig`.
    """
    schedule = WarmupStableDecay(
        config.learning_rate,
        warmup_steps=config.warmup_steps,
        total_steps=config.steps,
        decay_steps=round(config.steps * config.decay_fraction),
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(
            schedule,
            weight_decay=config.weight_decay,
            beta_2=0.98,
            global_clipnorm=config.clip_norm,
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[],
        jit_compile=should_jit_compile(model),
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
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--sequence-length", type=int)
    parser.add_argument("--epoch-steps", type=int, default=200)
    parser.add_argument("--held-out-bytes", type=int, default=20_000)
    parser.add_argument("--test-bytes", type=int, default=100_000)
    return parser.parse_args(argv)


def _log_to(path):
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        handlers=[logging.StreamHandler(), logging.FileHandler(path, encoding="utf-8")],
        force=True,
    )


if __name__ == "__main__":
    main()
