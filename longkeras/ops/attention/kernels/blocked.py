"""Banded attention in tiles: time and memory linear in the length.

Each block of queries meets only the keys of its windows, and then the global keys,
chunk after chunk, in the same softmax. The gradient computes every tile again instead
of keeping it, so training needs no memory beyond inputs, output and one number a row.

Reference:
    [FlashAttention](https://arxiv.org/abs/2205.14135)
    [Longformer: The Long-Document Transformer](https://arxiv.org/abs/2004.05150)
"""

from keras import ops

from longkeras.ops.attention.kernels import dilation, online_softmax
from longkeras.ops.attention.kernels.global_keys import GlobalKeys
from longkeras.ops.attention.kernels.tile import Masks
from longkeras.ops.attention.visibility import masked_score
from longkeras.ops.backend.custom_gradient import custom_gradient


def attend(query, key, value, spec):
    """Attend tile by tile; see the package for the signature."""
    spec = spec.with_global_order()  # once for the gradient too

    def forward(arguments, constants):
        tiles = _Tiles(*arguments, spec.with_tensors(constants))
        output, log_sum = tiles.answer()
        return ops.reshape(output, ops.shape(arguments[0])), (output, log_sum)

    def backward(arguments, constants, kept, upstream):
        tiles = _Tiles(*arguments, spec.with_tensors(constants))
        upstream = ops.reshape(upstream, ops.shape(tiles.query))
        return tuple(
            ops.cast(ops.reshape(gradient, ops.shape(x)), x.dtype)
            for gradient, x in zip(
                tiles.gradients(*kept, upstream), arguments, strict=True
            )
        )

    return custom_gradient(forward, backward)((query, key, value), spec.tensors)


class _Tiles:
    """One call: the windows of every dilation, then the global keys."""

    def __init__(self, query, key, value, spec):
        batch_size, length, num_heads, head_dim = ops.shape(query)
        kv_heads = key.shape[2]
        self.groups = num_heads // kv_heads
        self.spec = spec
        self.masks = Masks.of_band(query, key, spec)
        self.global_keys = GlobalKeys.of(query, self.masks, spec)
        self.dilated_heads = dilation.dilated_heads(
            spec.pattern, num_heads, spec.query_start
        )
        shape = (batch_size, length, kv_heads, self.groups, head_dim)
        self.query, self.key, self.value = ops.reshape(query, shape), key, value

    def answer(self):
        """`(output, log_sum)`, as `online_softmax.forward`."""
        inputs = (self.query, self.key, self.value)
        seen = self._band(*inputs)
        if self.global_keys is None:
            return seen
        return self.global_keys.merge(*inputs, seen)

    def gradients(self, output, log_sum, upstream):
        """The gradients of query, key and value, in the dtype of scores."""
        lowest = masked_score(log_sum.dtype)
        # Weights are exp(score - log_sum): none where nothing was seen.
        log_sum = ops.where(log_sum > 0.5 * lowest, log_sum, -lowest)
        results = (output, log_sum, upstream)
        inputs = (self.query, self.key, self.value)
        gradients = self._band_gradients(inputs, results)
        if self.global_keys is None:
            return gradients
        return self.global_keys.add_gradients(inputs, results, gradients)

    def _window(self, dilated, key):
        """`(left, right, query_start)`, no wider than a text of known length."""
        left, right = self.spec.pattern.left, self.spec.pattern.right
        if key.shape[1] is not None:
            left, right = (min(side, key.shape[1]) for side in (left, right))
        return left, right, dilated.start_in_batch

    def _band(self, query, key, value):
        length = ops.shape(query)[1]
        outputs, log_sums = [], []
        for dilated in self.dilated_heads:
            its_key = dilated.key(key, self.groups)
            answer = online_softmax.forward(
                dilated.query(query),
                its_key,
                dilated.key(value, self.groups),
                dilated.masks(self.masks, key),
                self.spec.scale,
                self._window(dilated, its_key),
            )
            output, log_sum = (dilated.from_batch(x, length) for x in answer)
            outputs.append(output)
            log_sums.append(log_sum)
        joined = [
            dilation.in_head_order(self.dilated_heads, x) for x in (outputs, log_sums)
        ]
        # Heads of different dilations were answered apart from their groups.
        return tuple(
            ops.reshape(x, ops.shape(like))
            for x, like in zip(joined, (query, query[..., 0]), strict=True)
        )

    def _band_gradients(self, inputs, results):
        query, key, value = inputs
        output, log_sum, upstream = results
        query_length, key_length = ops.shape(query)[1], ops.shape(key)[1]
        query_parts, key_sum, value_sum = [], 0.0, 0.0
        for dilated in self.dilated_heads:
            its_key = dilated.key(key, self.groups)
            gradients = online_softmax.backward(
                (dilated.query(query), its_key, dilated.key(value, self.groups)),
                (
                    dilated.query(output),
                    dilated.query(log_sum, -masked_score(log_sum.dtype)),
                    dilated.query(upstream),
                ),
                dilated.masks(self.masks, key),
                self.spec.scale,
                self._window(dilated, its_key),
            )
            query_parts.append(dilated.from_batch(gradients[0], query_length))
            key_part, value_part = (
                dilated.from_batch(
                    ops.transpose(x, (0, 3, 1, 2)), key_length, dilated.shift
                )
                for x in gradients[1:]
            )
            key_sum = key_sum + self._by_kv_head(key_part, dilated, key)
            value_sum = value_sum + self._by_kv_head(value_part, dilated, value)
        query_gradient = dilation.in_head_order(self.dilated_heads, query_parts)
        return ops.reshape(query_gradient, ops.shape(query)), key_sum, value_sum

    def _by_kv_head(self, gradient, dilated, like):
        """Sum the gradients of heads that share a key head."""
        if dilated.heads is None:
            return gradient
        shared = [head // self.groups for head in dilated.heads]
        one_hot = ops.one_hot(shared, like.shape[2], dtype=gradient.dtype)
        return ops.einsum("blhd,hk->blkd", gradient, one_hot)
