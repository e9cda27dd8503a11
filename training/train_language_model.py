"""Training of a byte-level language model, stage by stage."""

import functools
import logging

from longkeras.fitting import (
    ProgressLog,
    ScalarEvents,
    compile_for_training,
    fit_steps,
    plan_memory,
)
from training.held_out import HeldOutBits
from training.model_configs import build_model

_LOGGER = logging.getLogger("training")


def train_language_model(corpus, held_out, config, run, epoch_steps, held_out_bytes):
    """Train, going on from the run's checkpoint if there is one.

    Args:
        corpus: `longkeras.data.ByteCorpus`.
        held_out: list of `longkeras.data.Book`, read at each checkpoint.
        config: `training.model_configs.LanguageModelConfig`.
        run: `longkeras.fitting.RunFolder`.
        epoch_steps: int. Steps between checkpoints.
        held_out_bytes: int. Bytes read of each held-out book.

    Returns:
        The trained model.

    Raises:
        longkeras.fitting.NonFiniteError: If the loss or a weight became NaN or
            infinite; it names the layer. Checkpoint and best weights stay.
    """
    for language, counts in corpus.counts(config.sequence_length).items():
        _LOGGER.info("%s: %s", language, counts)
    checkpoint = run.checkpoint(monitor="bits_per_byte")
    ends = config.stage_ends(epoch_steps)
    model, step = _restored(config, checkpoint, ends)
    _LOGGER.info("%s: %d parameters", config.name, model.count_params())
    _LOGGER.info("starting at step %d of %d", step, config.steps)
    callbacks = [
        ProgressLog(
            config.steps, config.bytes_per_step, first_step=step, bytes_per_token=1.0
        ),
        HeldOutBits(held_out, held_out_bytes),
        ScalarEvents(run.path / "tensorboard"),
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


def _restored(config, checkpoint, ends, stage=-1):
    """The model of a stage as the last checkpoint left it, and the steps it took."""
    model = build_model(config, stage)
    compile_for_training(model, config.optimizer_settings(ends))
    return model, checkpoint.restore(model)


def _keep_stage(config, checkpoint, ends, stage):
    """Save the model of a stage that is done, unless it is saved already."""
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
    return fit_steps(
        model,
        lambda step: windows(start_step=step),
        step,
        end,
        epoch_steps,
        checkpoint,
        callbacks,
    )
