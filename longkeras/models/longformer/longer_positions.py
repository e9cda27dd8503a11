"""Longer position tables, made of the rows of the old ones."""

import numpy as np
from keras import ops

from longkeras.layers.parts import parts_of
from longkeras.models.base.frozen_weights import own_weights


class LongerPositions:
    """Gives a model a longer position table. Mixin for the backbone and its tasks."""

    def extend_positions(self, max_sequence_length):
        """Return the same model for longer texts, with its position table repeated.

        New positions get copies of the rows of the old table in turn, as when the
        authors of Longformer initialized it from RoBERTa. Such rows are better than
        random ones, and can be trained further. Everything else is copied.

        Args:
            max_sequence_length: int. The longest text of the new model, more than
                that of this one.

        Returns:
            A new model of the same class.

        Raises:
            ValueError: If the new table would not be longer, or the model is adapted
                with `enable_lora`.
        """
        is_task = hasattr(self, "backbone")
        old = self.backbone if is_task else self
        if any(getattr(part, "lora_enabled", False) for part in parts_of(old)):
            raise ValueError(
                "`extend_positions` must come before `enable_lora`. Received: a model "
                "with low-rank factors; `to_huggingface` writes one with them merged"
            )
        if max_sequence_length <= old.max_sequence_length:
            raise ValueError(
                "`max_sequence_length` must be more than that of the model, "
                f"{old.max_sequence_length}. Received: "
                f"max_sequence_length={max_sequence_length}"
            )
        longer = _with_longer_table(old, max_sequence_length)
        if not is_task:
            return longer
        config = self.get_config()
        config["backbone"] = longer
        if self.preprocessor is not None:
            config["preprocessor"] = _for_longer_texts(
                self.preprocessor, old.max_sequence_length, max_sequence_length
            )
        task = type(self).from_config(config)
        _copy_weights(own_weights(self), own_weights(task))
        return task


def _for_longer_texts(preprocessor, old_length, new_length):
    """Return a preprocessor that cuts where the new table ends."""
    config = {**preprocessor.get_config(), "tokenizer": preprocessor.tokenizer}
    if preprocessor.max_sequence_length >= old_length:
        config["max_sequence_length"] = new_length
    return type(preprocessor).from_config(config)


def _with_longer_table(backbone, max_sequence_length):
    config = {**backbone.get_config(), "max_sequence_length": max_sequence_length}
    longer = type(backbone).from_config(config)
    old_table = backbone.position_embedding.position_embeddings
    new_table = longer.position_embedding.position_embeddings
    _copy_weights(
        [weight for weight in backbone.weights if weight is not old_table],
        [weight for weight in longer.weights if weight is not new_table],
    )
    rows = ops.convert_to_numpy(old_table)
    new_table.assign(
        tiled_positions(rows, backbone.padding_id + 1, max_sequence_length)
    )
    return longer


def tiled_positions(rows, first_position, max_sequence_length):
    """Return a position table of another length, of one table's rows in turn.

    `rows` is an array `(first_position + old length, hidden_dim)`, of which the rows
    before `first_position` are kept.
    """
    positions = rows[first_position:]
    turns = -(-max_sequence_length // len(positions))
    tiled = np.tile(positions, (turns, 1))[:max_sequence_length]
    return np.concatenate([rows[:first_position], tiled])


def _copy_weights(sources, targets):
    for source, target in zip(sources, targets, strict=True):
        target.assign(source)
