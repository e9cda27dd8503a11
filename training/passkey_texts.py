"""Batches of texts with a pass key, and the check of a model's answers."""

import keras
import numpy as np

from longkeras.evaluation import recall_examples
from longkeras.evaluation.language_models.recall_examples import (
    answer_positions,
    prompt_ids,
    question_start,
)

# Other things than those of `recall_examples`, which are for tests.
TRAINING_DECOYS = (
    "house number",
    "door code",
    "church key",
    "pass mark",
    "bill",
    "page number",
    "pass word",
    "drawer key",
    "cabin number",
    "key price",
    "coach fare",
    "pass date",
    "night key",
    "year of the pass",
    "number of the key",
    "population",
)
_ROUNDING = 64


class PasskeyBatches(keras.utils.PyDataset):
    """Batches that depend on nothing but the seed and the step.

    Item `i` is the batch of step `start_step + i`. Texts are between three quarters of
    the stage's length and all of it, so that the question stands anywhere; in a twelfth
    of them each the key comes first of all, or last.

    Args:
        texts: sequence of bytes. Books to fill with.
        config: `training.passkey.PasskeyConfig`.
        start_step: int. The step of the first item. Defaults to `0`.

    Returns:
        By item: `(inputs, labels, sample_weight)`.
    """

    def __init__(self, texts, config, start_step=0):
        super().__init__(workers=1, use_multiprocessing=False)
        self.texts = texts
        self.config = config
        self.start_step = start_step

    @property
    def num_batches(self):
        """None: endless."""
        return None

    def __getitem__(self, index):
        step = self.start_step + index
        length, batch_size, _, decoys = self.config.stage_of(step)
        rng = np.random.default_rng([self.config.seed, step])
        examples = [
            recall_examples(
                "passkey",
                self.texts,
                [int(rng.integers(3 * length // 4, length + 1))],
                [float(np.clip(rng.uniform(-0.1, 1.1), 0, 1))],
                1,
                rng,
                num_decoys=int(rng.integers(min(decoys, 1), decoys + 1)),
                decoys=TRAINING_DECOYS,
            )[0]
            for _ in range(batch_size)
        ]
        return labelled(examples, length, self.config)


def labelled(examples, length, config):
    """Token ids of examples, and their digits at the bytes that are asked.

    Args:
        examples: sequence of `longkeras.evaluation.RecallExample`.
        length: int. Bytes of the longest context that there may be.
        config: `training.passkey.PasskeyConfig`.

    Returns:
        `(inputs, labels, sample_weight)`: a dict and two arrays, all of shape
        `(examples, row length)`. Weights are 0 but where a digit is asked for, and 1 in
        the mean.
    """
    row_length = length + _ROUNDING
    if config.reads is not None:
        row_length = min(row_length, config.reads)
    shape = (len(examples), row_length)
    token_ids, is_global, labels = np.zeros((3, *shape), dtype=np.int32)
    sample_weight = np.zeros(shape, dtype=np.float32)
    for row, example in enumerate(examples):
        ids = prompt_ids(example)[-row_length:]
        question = question_start(example, len(ids))
        positions = answer_positions(example, len(ids))
        token_ids[row, : len(ids)] = ids
        is_global[row, question : len(ids)] = config.family == "longformer"
        labels[row, positions] = example.labels
        sample_weight[row, positions] = row_length / len(example.answer)
    inputs = {"token_ids": token_ids, "padding_mask": (token_ids > 0).astype(np.int32)}
    if config.family != "lstm":
        inputs["global_attention_mask"] = is_global
    return inputs, labels, sample_weight


def is_right(model, examples, config, batch_size):
    """Whether a model reads every digit of each example.

    Args:
        model: from `training.passkey.build_passkey_model`.
        examples: sequence of `longkeras.evaluation.RecallExample`, of one length.
        config: `training.passkey.PasskeyConfig`.
        batch_size: int. Texts read side by side.

    Returns:
        bool array of shape (examples,).
    """
    inputs, labels, weights = labelled(examples, examples[0].length, config)
    logits = model.predict(inputs, batch_size=batch_size, verbose=0)
    wrong = (np.argmax(logits, axis=-1) != labels) & (weights > 0)
    return ~wrong.any(axis=1)
