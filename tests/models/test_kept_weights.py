"""An error in the data of a run leaves the model whole. Costs ten seconds on JAX."""

import numpy as np
import pytest

from longkeras.models import RecurrentBackbone, RecurrentCausalLM

IDS = np.full((2, 6), 7)


def broken_after(num_batches):
    for _ in range(num_batches):
        yield {"token_ids": IDS, "padding_mask": np.ones_like(IDS)}, IDS
    raise RuntimeError("the file cannot be read")


# Six: on JAX Keras reads some batches ahead.
@pytest.mark.parametrize("num_batches", [0, 6])
def test_an_error_in_a_batch_keeps_the_weights_and_the_steps_done(num_batches):
    model = RecurrentCausalLM(
        RecurrentBackbone(vocabulary_size=20, num_layers=1, hidden_dim=8)
    )
    before = model.get_weights()
    # TensorFlow raises an error of its own that quotes it.
    with pytest.raises(Exception, match="cannot be read"):
        model.fit(broken_after(num_batches), verbose=0)
    changed = [
        not np.array_equal(one, other)
        for one, other in zip(before, model.get_weights(), strict=True)
    ]
    assert any(changed) == bool(num_batches)
