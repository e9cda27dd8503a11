"""Base of the self-attention layers: projections, heads, rotary positions."""

import textwrap

import keras
import numpy as np
from keras import ops

from longkeras.argument_checks import check_arguments
from longkeras.layers.projection import projection
from longkeras.layers.quantized_policy import policy_to_save
from longkeras.layers.rematerialised_call import RematerialisedCall
from longkeras.layers.ring_decoding import RingDecoding
from longkeras.layers.rotary_embedding import RotaryEmbedding
from longkeras.ops.attention import dispatch, validation
from longkeras.ops.attention.kernels.dense import attention_scores

# Parts of the docstrings of all attention layers, by placeholder.
_SHARED = {
    "num_heads": """
num_heads: int. Attention heads; must divide the hidden dimension, unless
    `head_dim` is given.
""",
    "attention_window": """
attention_window: int. Keys in the window: without `is_causal` an even
    number, half of it on each side of the token, which is not counted; with
    `is_causal` the token and those before it, its own included.
attention_dilation: int, or a list of one per head. Distance between
    neighbouring keys of the window. Defaults to `1`.
""",
    "other_arguments": """
is_causal: bool. Whether a token sees only itself and what is before it.
    Defaults to `False`.
head_dim: int. Size of a head. Defaults to `None`, the hidden dimension
    divided by `num_heads`.
num_key_value_heads: int. Heads of keys and values, a divisor of `num_heads`
    (grouped-query attention). Defaults to `None`, `num_heads`.
dropout: float. Rate at which attention weights are dropped in training.
    Defaults to `0.0`.
use_bias: bool. Whether the projections have biases. Defaults to `True`.
rope_max_wavelength: float. See `RotaryEmbedding`. Defaults to `None`, no
    rotary positions.
kernel_initializer: initializer of the projections' kernels. Defaults to
    `"glorot_uniform"`.
bias_initializer: initializer of their biases. Defaults to `"zeros"`.
seed: int. Seed of the dropout. Defaults to `None`.
**kwargs: See `keras.layers.Layer`.
""",
    "other_call_arguments": """
document_ids: int tensor `(batch, sequence)`: of packed documents, a token
    sees its own. Defaults to `None`.
return_attention_scores: bool, or positions of queries, ints `(rows,)` or
    `(batch, rows)`. Whether to return attention weights too, before any
    dropout: of those queries, or with True of all of them, a matrix that
    grows with the square of the length. Defaults to `False`.
training: bool. Whether to drop out. Defaults to `None`.
mask: bool tensor `(batch, sequence)`, the implicit mask of Keras, such as
    that of `keras.layers.Embedding(mask_zero=True)`; a `padding_mask` goes
    before it. Defaults to `None`.
""",
    "returns": """
Tensor like `hidden_states`; with `return_attention_scores` also
`(batch, num_heads, rows, sequence)`, over keys at their place in the text.
""",
}


class SelfAttention(RingDecoding, RematerialisedCall, keras.layers.Layer):
    """Multi-head self-attention without a pattern.

    A subclass gives the pattern by `_pattern`, and documents the arguments; `_SHARED`
    fills the placeholders of its docstring. Projections are `keras.layers.Dense`
    layers, `query_dense`, `key_dense`, `value_dense` and `output_dense`, so that LoRA
    and quantization work on them.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name, text in _SHARED.items():
            if cls.__doc__:
                text = textwrap.indent(text.strip(), " " * 8).lstrip()
                cls.__doc__ = cls.__doc__.replace(f"{{{name}}}", text)

    def __init__(
        self,
        num_heads,
        is_causal=False,
        head_dim=None,
        num_key_value_heads=None,
        dropout=0.0,
        use_bias=True,
        rope_max_wavelength=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_arguments(
            locals(),
            may_be_none=("head_dim", "num_key_value_heads", "rope_max_wavelength"),
        )
        if num_key_value_heads is None:
            num_key_value_heads = num_heads
        if num_heads % num_key_value_heads:
            raise ValueError(
                "`num_key_value_heads` must divide `num_heads`. Received: "
                f"num_key_value_heads={num_key_value_heads}, num_heads={num_heads}"
            )
        self.num_heads = num_heads
        self.is_causal = is_causal
        self.head_dim = head_dim
        self.num_key_value_heads = num_key_value_heads
        self.dropout = dropout
        self.use_bias = use_bias
        self.rope_max_wavelength = rope_max_wavelength
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.seed = seed
        self.supports_masking = True
        self.rotary_embedding = None
        if rope_max_wavelength is not None:
            self.rotary_embedding = RotaryEmbedding(
                rope_max_wavelength, dtype=self.dtype_policy, name="rotary_embedding"
            )
        # Without dropout there is no state to save.
        self.seed_generator = keras.random.SeedGenerator(seed) if dropout else None

    def build(self, hidden_states_shape):
        hidden_dim = hidden_states_shape[-1]
        if self.head_dim is None:
            self.head_dim = self._divided(hidden_dim)
        if self.rotary_embedding is not None and self.head_dim % 2:
            raise ValueError(
                "`head_dim` must be even for rotary positions, or "
                "`rope_max_wavelength` None. Received: "
                f"head_dim={self.head_dim}, hidden_dim={hidden_dim}"
            )
        query_dim = self.num_heads * self.head_dim
        key_dim = self.num_key_value_heads * self.head_dim
        self.query_dense = self._projection("query", hidden_dim, query_dim)
        self.key_dense = self._projection("key", hidden_dim, key_dim)
        self.value_dense = self._projection("value", hidden_dim, key_dim)
        self.output_dense = self._projection("attention_output", query_dim, hidden_dim)

    def _divided(self, hidden_dim):
        if hidden_dim % self.num_heads:
            raise ValueError(
                "`num_heads` must divide the hidden dimension, or `head_dim` be "
                f"given. Received: num_heads={self.num_heads}, hidden_dim={hidden_dim}"
            )
        return hidden_dim // self.num_heads

    def _projection(self, name, input_dim, output_dim):
        return projection(
            name,
            input_dim,
            output_dim,
            self.kernel_initializer,
            use_bias=self.use_bias,
            bias_initializer=self.bias_initializer.clone(),
            dtype=self.dtype_policy,
        )

    def _pattern(self, length):
        """The `BandedPattern` for a text of `length` tokens, None if not known."""
        raise NotImplementedError

    def _attend(
        self,
        hidden_states,
        training,
        return_attention_scores,
        padding_mask=None,
        document_ids=None,
        global_mask=None,
    ):
        """Project, attend and merge the heads; also return the weights asked for."""
        with_scores = return_attention_scores is not False
        query, key, value = self._project(hidden_states)
        pattern = self._pattern(hidden_states.shape[1])
        masks = {
            "padding_mask": padding_mask,
            "global_mask": global_mask,
            "document_ids": document_ids,
        }
        validation.check_tensors(query, key, value, pattern, masks)
        dropout = self.dropout if training else 0.0
        spec = validation.spec_for(
            query, pattern, None, 0, dropout, self.seed_generator, masks.values()
        )
        signature = dispatch.CallSignature.of(
            query, key, spec, self._global_rows(with_scores)
        )
        planned = dispatch.plan(signature)
        for_rows = self._tensors_of_global_rows(hidden_states, planned)
        output = dispatch.run(
            signature, planned, (query, key, value, *for_rows), spec, owner=self.path
        )
        output = self._merge(output)
        if not with_scores:
            return output
        rows = _positions(return_attention_scores, hidden_states)
        return output, self._scores((query, key), for_rows, rows, spec)

    def _global_rows(self, with_scores):
        """`CallSignature.global_rows` of a call with global tokens."""
        return None

    def _tensors_of_global_rows(self, hidden_states, planned):
        """The tensors that `planned.global_rows` needs beside query, key and value."""
        return ()

    def _scores(self, query_and_key, for_rows, rows, spec):
        """Attention weights of `rows`, `(batch, heads, rows, sequence)`."""
        return attention_scores(*query_and_key, rows, spec)

    def _project(self, hidden_states, positions=None, denses=None):
        """Query, key and value `(batch, sequence, heads, head_dim)`, rotated."""
        if denses is None:
            denses = self.query_dense, self.key_dense, self.value_dense
        key_heads = self.num_key_value_heads
        query, key, value = (
            self._heads(dense(hidden_states), num_heads)
            for dense, num_heads in zip(
                denses, (self.num_heads, key_heads, key_heads), strict=True
            )
        )
        if self.rotary_embedding is not None:
            query = self.rotary_embedding(query, positions)
            key = self.rotary_embedding(key, positions)
        return query, key, value

    def _heads(self, projected, num_heads):
        batch, length = ops.shape(projected)[:2]
        return ops.reshape(projected, (batch, length, num_heads, self.head_dim))

    def _merge(self, output):
        batch, length = ops.shape(output)[:2]
        output = ops.reshape(output, (batch, length, self.num_heads * self.head_dim))
        return self.output_dense(output)  # (batch, sequence, hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "dtype": policy_to_save(self),
            "num_heads": self.num_heads,
            "is_causal": self.is_causal,
            "head_dim": self.head_dim,
            "num_key_value_heads": self.num_key_value_heads,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "rope_max_wavelength": self.rope_max_wavelength,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "seed": self.seed,
        }

    def compute_output_shape(self, hidden_states_shape):
        return hidden_states_shape

    def compute_output_spec(
        self, hidden_states, *_, return_attention_scores=False, **__
    ):
        shape = hidden_states.shape
        output = keras.KerasTensor(shape, dtype=self.compute_dtype)
        if return_attention_scores is False:
            return output
        rows = shape[1]
        if return_attention_scores is not True:
            rows = np.shape(return_attention_scores)[-1]
        scores_shape = (shape[0], self.num_heads, rows, shape[1])
        return output, keras.KerasTensor(scores_shape, dtype=self.compute_dtype)


def _positions(wanted, hidden_states):
    """int32 `(batch, rows)` of what `return_attention_scores` asks for."""
    batch, length = ops.shape(hidden_states)[:2]
    if wanted is True:
        wanted = ops.arange(length, dtype="int32")
    elif isinstance(wanted, (list, tuple, np.ndarray)):
        _check_positions(wanted, length)
    rows = ops.cast(ops.convert_to_tensor(wanted), "int32")
    return ops.broadcast_to(rows, (batch, rows.shape[-1]))


def _check_positions(wanted, length):
    rows = np.asarray(wanted)
    fits = rows.ndim in (1, 2) and rows.dtype.kind in "iu" and rows.min(initial=0) >= 0
    if not fits or (isinstance(length, int) and rows.max(initial=0) >= length):
        raise ValueError(
            "`return_attention_scores` must be True, False, or positions of queries, "
            f"ints from 0 to {length} less 1, `(rows,)` or `(batch, rows)`. Received: "
            f"return_attention_scores={wanted}"
        )
