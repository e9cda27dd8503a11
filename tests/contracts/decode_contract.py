"""What every language model promises about decoding, checked by its full pass.

A model's forward over a whole text is the truth. `initial_state`, `prefill` and
`step` must give the same logits at every place, however the text is cut, padded and
batched. Each check takes a `Decoder`; shapes are few, so that each is compiled once.
"""

import keras
import numpy as np
from keras import ops, tree

from longkeras.ops.backend.compiled_function import compiled_function

BATCH_SIZE = 3
CHUNK_LENGTH = 8
NUM_CHUNKS = 3
# Longer than twice the largest ring that the models may have.
TEXT_LENGTH = CHUNK_LENGTH * NUM_CHUNKS


class Decoder:
    """A model under the contract: NumPy in, NumPy out, states kept as they are.

    Args:
        model: `longkeras.models.generation.causal_lm.DecodingCausalLM`.
        tolerance: float, of logits and hidden states. The wide random weights
            make a change of 1e-7 in the embeddings one of 2e-4 in a logit.
        seed: int. Seed of the text.
        letters: int. Of so many bytes the text consists; where they are few, it
            repeats itself.
    """

    def __init__(self, model, tolerance=3e-4, seed=0, letters=256):
        self.model = model
        self.tolerance = tolerance
        rng = np.random.default_rng(seed)
        shape = (BATCH_SIZE, TEXT_LENGTH)
        self.text = rng.integers(3, 3 + letters, size=shape).astype("int32")
        self._full_pass = self._quick(self._forward)
        self._prefill = self._quick(model.prefill)
        self._step = self._quick(model.step)
        self.truth = self.full_pass(self.text)

    def full_pass(self, token_ids, padding_mask=None):
        """Logits and hidden states of the whole text at once."""
        if padding_mask is None:
            padding_mask = np.ones_like(token_ids)
        return _arrays(self._full_pass(*_tensors(token_ids, padding_mask)))

    def start(self, batch_size=BATCH_SIZE):
        return self.model.initial_state(batch_size, TEXT_LENGTH)

    def prefill(self, token_ids, padding_mask, state, *masks):
        # Of one dtype, whatever the check made: a program is compiled for each.
        inputs = _tensors(token_ids, padding_mask.astype(bool))
        *outputs, state = self._prefill(*inputs, state, *_tensors(*masks))
        return *_arrays(outputs), state

    def step(self, token_ids, state):
        *outputs, state = self._step(*_tensors(token_ids), state)
        return *_arrays(outputs), state

    def assert_close(self, actual, expected, what):
        np.testing.assert_allclose(
            actual, expected, rtol=self.tolerance, atol=self.tolerance, err_msg=what
        )

    def _forward(self, token_ids, padding_mask):
        inputs = {"token_ids": token_ids, "padding_mask": padding_mask}
        hidden_states = self.model.backbone(inputs)
        return self.model(inputs), hidden_states

    def _quick(self, function):
        """One program a shape; on TensorFlow without XLA, which compiles longer."""
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            return tf.function(function, autograph=False)
        return compiled_function(function, self.model)


def check_step_equals_the_full_pass(decoder):
    state = decoder.start()
    for place in range(TEXT_LENGTH):
        logits, hidden, state = decoder.step(decoder.text[:, place], state)
        for actual, expected in zip((logits, hidden), decoder.truth, strict=True):
            decoder.assert_close(actual, expected[:, place], f"place {place}")
    assert (position_of(state) == TEXT_LENGTH).all()


def check_prefill_in_chunks_equals_the_full_pass(decoder):
    state = decoder.start()
    for start in range(0, TEXT_LENGTH, CHUNK_LENGTH):
        chunk = decoder.text[:, start : start + CHUNK_LENGTH]
        logits, hidden, state = decoder.prefill(chunk, np.ones_like(chunk), state)
        for actual, expected in zip((logits, hidden), decoder.truth, strict=True):
            expected = expected[:, start : start + CHUNK_LENGTH]
            decoder.assert_close(actual, expected, f"chunk from {start}")
    assert (position_of(state) == TEXT_LENGTH).all()


def check_padding_is_skipped_wherever_it_stands(decoder, padding):
    """Rows of different lengths, cut by padding; then single steps go on."""
    masks = [padding_masks(padding, seed) for seed in range(NUM_CHUNKS)]
    state, read = decoder.start(), np.zeros(BATCH_SIZE, int)
    for mask in masks:
        chunk, state = _read_masked(decoder, mask, read, state)
        read = read + mask.sum(axis=1)
        assert chunk.shape == (BATCH_SIZE, CHUNK_LENGTH)
    assert len(set(read.tolist())) > 1, "rows should stand at different places"
    np.testing.assert_array_equal(position_of(state), read)
    rows = np.arange(BATCH_SIZE)
    while read.max() < TEXT_LENGTH:
        logits, _, state = decoder.step(decoder.text[rows, read], state)
        decoder.assert_close(logits, decoder.truth[0][rows, read], f"step at {read}")
        read = read + 1


def check_an_empty_batch_changes_nothing(decoder):
    chunk = decoder.text[:, :CHUNK_LENGTH]
    _, _, state = decoder.prefill(chunk, np.ones_like(chunk), decoder.start())
    _, _, after = decoder.prefill(chunk, np.zeros_like(chunk), state)
    for left, right in zip(tree.flatten(state), tree.flatten(after), strict=True):
        np.testing.assert_array_equal(*_arrays([left, right]))


def check_rows_can_be_repeated_and_gathered(decoder):
    """What a beam sampler does to a state."""
    mask = padding_masks("right")
    _, state = _read_masked(decoder, mask, np.zeros(BATCH_SIZE, int), decoder.start())
    for tensor in tree.flatten(state):
        assert tensor.shape[0] == BATCH_SIZE
    order = np.array([2, 0, 0])
    gathered = tree.map_structure(lambda x: ops.take(x, order, axis=0), state)
    places = mask.sum(axis=1)[order]
    logits, _, _ = decoder.step(decoder.text[order, places], gathered)
    decoder.assert_close(logits, decoder.truth[0][order, places], "gathered rows")


def check_left_padding_of_a_full_pass_changes_nothing(decoder):
    shift = 5
    shifted = np.zeros_like(decoder.text)
    shifted[:, shift:] = decoder.text[:, :-shift]
    mask = np.broadcast_to(np.arange(TEXT_LENGTH) >= shift, shifted.shape)
    logits, _ = decoder.full_pass(shifted, mask.astype("int32"))
    decoder.assert_close(logits[:, shift:], decoder.truth[0][:, :-shift], "shifted")


def check_nothing_sees_the_future(decoder, place=TEXT_LENGTH // 2):
    changed = decoder.text.copy()
    changed[:, place] = (changed[:, place] - 3 + 7) % 256 + 3
    logits, _ = decoder.full_pass(changed)
    expected = decoder.truth[0]
    decoder.assert_close(logits[:, :place], expected[:, :place], "earlier places")
    difference = np.abs(logits[:, place] - expected[:, place]).max(axis=-1)
    assert (difference > 1e-2).all()


def padding_masks(padding, seed=0):
    """bool `(BATCH_SIZE, CHUNK_LENGTH)`; each row has a length of its own."""
    rng = np.random.default_rng(seed)
    lengths = rng.permutation([1, 3, 6])
    columns = np.arange(CHUNK_LENGTH)
    if padding == "right":
        return columns < lengths[:, None]
    if padding == "left":
        return columns >= CHUNK_LENGTH - lengths[:, None]
    if padding == "empty_row":
        lengths[seed % BATCH_SIZE] = 0
        return columns < lengths[:, None]
    return np.stack([rng.permutation(columns) < length for length in lengths])


PADDINGS = ("right", "left", "holes", "empty_row")


def position_of(state):
    return np.asarray(ops.convert_to_numpy(state["position"]))


def _read_masked(decoder, mask, read, state):
    """Lay each row's next tokens where the mask is True, and compare there."""
    chunk = np.zeros(mask.shape, "int32")
    # Garbage in the padding must not matter.
    chunk[~mask] = 77
    for row in range(BATCH_SIZE):
        stop = read[row] + mask[row].sum()
        chunk[row, mask[row]] = decoder.text[row, read[row] : stop]
    logits, hidden, state = decoder.prefill(chunk, mask, state)
    for row in range(BATCH_SIZE):
        stop = read[row] + mask[row].sum()
        for actual, expected in zip((logits, hidden), decoder.truth, strict=True):
            expected = expected[row, read[row] : stop]
            decoder.assert_close(actual[row, mask[row]], expected, f"row {row}")
    return chunk, state


def _tensors(*arrays):
    return [ops.convert_to_tensor(array) for array in arrays]


def _arrays(tensors):
    return [
        np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))
        for tensor in tensors
    ]
