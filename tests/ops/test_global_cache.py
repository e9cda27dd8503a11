"""The global KV cache and the prompt KV cache against lists."""

import numpy as np
import pytest
from keras import ops

from longkeras.ops.decoding import global_cache, prompt_cache

CAPACITY = 4


def entries(*values):
    """A key of one head and one number for each value, `(batch, chunk, 1, 1)`."""
    return ops.convert_to_tensor(np.array(values, "float32")[:, :, None, None])


def bools(*rows):
    return ops.convert_to_tensor(np.array(rows, bool))


def array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def ints(*values):
    return ops.convert_to_tensor(np.array(values, "int32"))


def filled_store():
    """Two chunks of three tokens; the second row starts with one token less."""
    store = global_cache.empty(2, CAPACITY, kv_heads=1, head_dim=1)
    key, mask = entries([1, 2, 3], [4, 5, 6]), bools([1, 0, 1], [0, 0, 0])
    store = global_cache.extend(store, ints(0, 0), key, -key, mask)
    key, mask = entries([7, 8, 9], [5, 6, 7]), bools([0, 1, 0], [1, 1, 1])
    return global_cache.extend(store, ints(3, 2), key, -key, mask)


def test_the_nth_global_key_of_a_row_stands_in_slot_n():
    store = filled_store()
    assert array(store.keys)[..., 0, 0].tolist() == [[1, 3, 8, 0], [5, 6, 7, 0]]
    assert (array(store.values) == -array(store.keys)).all()
    assert array(store.positions).tolist() == [[0, 2, 4, -1], [2, 3, 4, -1]]
    assert array(store.count).tolist() == [3, 3]


def test_flags_tell_which_positions_of_a_span_are_global():
    flags = global_cache.flags(filled_store(), ints(-1, 3), 4)
    assert array(flags).tolist() == [[0, 1, 0, 1], [1, 1, 0, 0]]


def test_more_globals_than_places_are_refused():
    key = entries([1, 2], [3, 4])
    mask = bools([1, 0], [1, 1])
    with pytest.raises(ValueError, match="capacity=4 with 5 global tokens"):
        global_cache.extend(filled_store(), ints(6, 5), key, key, mask)
    with pytest.raises(ValueError, match="capacity=0"):
        global_cache.empty(2, 0, kv_heads=1, head_dim=1)


def test_needed_capacity_is_the_row_with_the_most_real_globals():
    mask = bools([1, 1, 1, 0], [0, 1, 0, 0])
    is_real = bools([0, 0, 1, 1], [1, 1, 1, 1])
    assert global_cache.needed_capacity(mask) == 3
    assert global_cache.needed_capacity(mask, is_real) == 1
    assert global_cache.needed_capacity(mask, multiple=8) == 8
    assert global_cache.needed_capacity(bools([0, 0, 0]), multiple=8) == 0


def test_prompt_keys_end_with_the_last_global_token():
    mask = bools([0, 1, 1, 0, 0], [1, 0, 0, 0, 0])
    is_real = bools([0, 1, 1, 1, 1], [1, 1, 1, 1, 1])
    assert prompt_cache.needed_capacity(mask) == 3
    assert prompt_cache.needed_capacity(mask, is_real) == 2

    kept = prompt_cache.empty(2, 3, kv_heads=1, head_dim=1)
    key = entries([1, 2], [1, 2])
    kept = prompt_cache.extend(kept, ints(0, 0), ints(1, 2), key, key, mask[:, :2])
    key = entries([2, 3, 4], [3, 4, 5])
    kept = prompt_cache.extend(kept, ints(1, 2), ints(3, 3), key, key, mask[:, 2:])
    assert array(kept.keys)[..., 0, 0].tolist() == [[1, 2, 3], [1, 2, 3]]
    assert array(kept.needed).tolist() == [2, 1]


def test_a_global_row_behind_the_last_kept_key_is_refused():
    kept = prompt_cache.empty(1, 1, kv_heads=1, head_dim=1)
    key = entries([1, 2])
    with pytest.raises(ValueError, match="capacity=1 with 2 such tokens"):
        prompt_cache.extend(kept, ints(0), ints(2), key, key, bools([0, 1]))
    with pytest.raises(ValueError, match="capacity=0"):
        prompt_cache.empty(1, 0, kv_heads=1, head_dim=1)
