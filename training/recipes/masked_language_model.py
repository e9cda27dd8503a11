"""Measure the value of copied positions, at toy size on real text.

    python -m training.recipes.masked_language_model

Trains a short RoBERTa to fill in masked bytes, makes it long with `convert_to_long`,
and asks for its loss on longer texts: with a random position table, with the copied
one, and after some more steps. The order is that of Longformer's paper (table 5).
"""

import argparse
import dataclasses
import json
import logging

import keras
import keras_hub
import numpy as np

from longkeras.conversion import convert_to_long
from longkeras.data import sample

_LOGGER = logging.getLogger("training")

# After the ids that are not bytes: 1 is RoBERTa's padding.
FIRST_BYTE = 3
MASK_ID = FIRST_BYTE + 256
HELD_OUT_BYTES = 12_288


@dataclasses.dataclass(frozen=True)
class PositionsConfig:
    """One comparison.

    Args:
        short_length: int. Positions of the short model, and its texts' bytes.
        long_length: int. The same of the long one.
        attention_window: int. Of the long one.
        hidden_dim: int. Of both.
        steps: int. Of training the short model, 64 texts each.
        tuning_steps: int. Of training the long one, 16 texts each.
        learning_rate: float. The highest of training; of tuning a third.
        seed: int.
    """

    short_length: int = 16
    long_length: int = 64
    attention_window: int = 16
    hidden_dim: int = 64
    steps: int = 1_000
    tuning_steps: int = 100
    learning_rate: float = 3e-3
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class PositionLosses:
    """Losses on held-out text, in nats a masked byte.

    Args:
        short: float. The short model's, on texts of its length.
        random: float. The long one's with a random position table.
        copied: float. The same with the copied one.
        tuned: float. The same after tuning.
    """

    short: float
    random: float
    copied: float
    tuned: float


def main(argv=None):
    """Compare, and log the losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=PositionsConfig.steps)
    parser.add_argument("--seed", type=int, default=PositionsConfig.seed)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    losses = compare_positions(PositionsConfig(steps=args.steps, seed=args.seed))
    _LOGGER.info(json.dumps(dataclasses.asdict(losses)))


def compare_positions(config):
    """Train, convert and measure.

    Args:
        config: `PositionsConfig`.

    Returns:
        `PositionLosses`.
    """
    keras.utils.set_random_seed(config.seed)
    train, held_out = _texts()
    short = short_masked_lm(config)
    _fit(short, train, config.short_length, config.steps, 64, config.learning_rate)
    short_loss = _loss(short, held_out, config.short_length)

    long = convert_to_long(short, config.long_length, config.attention_window)
    copied = _loss(long, held_out, config.long_length)
    table = long.backbone.position_embedding.position_embeddings
    rows = keras.ops.convert_to_numpy(table)
    rng = np.random.default_rng(config.seed)
    table.assign(rng.normal(size=rows.shape) * rows[2:].std())
    random = _loss(long, held_out, config.long_length)
    table.assign(rows)
    rate = config.learning_rate / 3
    _fit(long, train, config.long_length, config.tuning_steps, 16, rate)
    tuned = _loss(long, held_out, config.long_length)
    return PositionLosses(short_loss, random, copied, tuned)


def short_masked_lm(config):
    """A RoBERTa of one layer with weights that learn fast.

    KerasHub's initial weights are those of large models; one this small learns in a
    minute from wider ones, and from positions that are waves.

    Args:
        config: `PositionsConfig`.

    Returns:
        `keras_hub.models.RobertaMaskedLM`.
    """
    width = config.hidden_dim
    backbone = keras_hub.models.RobertaBackbone(
        MASK_ID + 1, 1, 4, width, 2 * width, 0.0, config.short_length
    )
    model = keras_hub.models.RobertaMaskedLM(backbone)
    for weight in model.weights:
        if weight.name == "kernel":
            weight.assign(weight * 6.0)
    table = backbone.token_embedding.embeddings
    table.assign(table * 15.0)
    lengths = np.geomspace(3, 2 * config.short_length, width // 2)
    angles = 2 * np.pi * np.arange(config.short_length)[:, None] / lengths
    waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    backbone.embeddings.position_embedding.position_embeddings.assign(0.3 * waves)
    return model


def _texts():
    """Bytes to learn from, and the end of the second book, which is held out."""
    books = [sample(name).text.encode() for name in ("middlemarch", "hard-cash")]
    ids = np.frombuffer(b"".join(books), np.uint8).astype("int32") + FIRST_BYTE
    return ids[:-HELD_OUT_BYTES], ids[-HELD_OUT_BYTES:]


def _masked(ids, starts, length, rng):
    """Texts with 15 % of their bytes masked, and these bytes."""
    token_ids = ids[starts[:, None] + np.arange(length)]
    order = rng.random(token_ids.shape).argsort(axis=1)
    mask_positions = np.sort(order[:, : round(0.15 * length)], axis=1).astype("int32")
    hidden = np.take_along_axis(token_ids, mask_positions, axis=1)
    np.put_along_axis(token_ids, mask_positions, MASK_ID, axis=1)
    inputs = {
        "token_ids": token_ids,
        "padding_mask": np.ones_like(token_ids),
        "mask_positions": mask_positions,
    }
    return inputs, hidden


def _fit(model, ids, length, steps, batch_size, learning_rate):
    rng = np.random.default_rng(length)
    starts = rng.integers(0, len(ids) - length, size=steps * batch_size)
    inputs, hidden = _masked(ids, starts, length, rng)
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 20, steps, warmup_target=learning_rate, warmup_steps=20
    )
    model.compile(
        optimizer=keras.optimizers.Adam(schedule, clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[],
        jit_compile=True,
    )
    model.fit(inputs, hidden, batch_size=batch_size, shuffle=False, verbose=0)


def _loss(model, ids, length):
    starts = np.arange(0, len(ids), length)
    inputs, hidden = _masked(ids, starts, length, np.random.default_rng(0))
    logits = model.predict(inputs, batch_size=64, verbose=0)
    losses = keras.losses.sparse_categorical_crossentropy(
        hidden, logits, from_logits=True
    )
    return float(keras.ops.mean(losses))


if __name__ == "__main__":
    main()
