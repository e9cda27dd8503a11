"""Banded attention by a walk over tiles: time and memory linear in length.

Each block of queries meets only the keys that its band can reach, and then the
global keys, chunk after chunk, in the same softmax. The gradient recomputes every
tile instead of keeping it, so training needs no memory beyond inputs, output and one
number a row (Dao et al., 2022, arXiv:2205.14135, and Longformer's band,
arXiv:2004.05150).
"""

from keras import ops

from longkeras.ops.attention.kernels import band, dilation, global_columns
from longkeras.ops.attention.kernels.band_masks import band_masks
from longkeras.ops.attention.masking import masked_score
from longkeras.ops.backend.custom_gradient import custom_gradient


def attend(query, key, value, spec):
    """Attend tile by tile; see the package for the signature."""

    def forward(arguments, constants):
        walked = _Walked(*arguments, spec.with_tensors(constants))
        output, log_sum = walked.answer()
        return ops.reshape(output, ops.shape(arguments[0])), (output, log_sum)

    def backward(arguments, constants, kept, upstream):
        walked = _Walked(*arguments, spec.with_tensors(constants))
        upstream = ops.reshape(upstream, ops.shape(walked.query))
        return tuple(
            ops.cast(ops.reshape(gradient, ops.shape(x)), x.dtype)
            for gradient, x in zip(
                walked.gradients(*kept, upstream), arguments, strict=True
            )
        )

    return custom_gradient(forward, backward)((query, key, value), spec.tensors)


class _Walked:
    """The walk for one call: the band of every dilation, then the global keys."""

    def __init__(self, query, key, value, spec):
        batch_size, length, num_heads, head_dim = ops.shape(query)
        kv_heads = key.shape[2]
        self.groups = num_heads // kv_heads
        self.spec = spec
        self.masks = band_masks(query, key, spec)
        self.columns = global_columns.of(query, key, spec)
        self.folds = dilation.folds(spec.pattern, num_heads, spec.query_start)
        shape = (batch_size, length, kv_heads, self.groups, head_dim)
        self.query, self.key, self.value = ops.reshape(query, shape), key, value

    def answer(self):
        """`(output, log_sum)`, as `band.forward` returns them."""
        inputs = (self.query, self.key, self.value)
        seen = self._band(*inputs)
        return seen if self.columns is None else self.columns.join(*inputs, seen)

    def gradients(self, output, log_sum, upstream):
        """The gradients of query, key and value, in the dtype of scores."""
        lowest = masked_score(log_sum.dtype)
        # Weights are exp(score - log_sum): none where nothing was seen.
        log_sum = ops.where(log_sum > 0.5 * lowest, log_sum, -lowest)
        results = (output, log_sum, upstream)
        inputs = (self.query, self.key, self.value)
        gradients = self._band_gradients(inputs, results)
        if self.columns is None:
            return gradients
        return self.columns.add_gradients(inputs, results, gradients)

    def _reach(self, fold, key):
        """`(left, right, query_start)`, no wider than a text of known length."""
        left, right = self.spec.pattern.left, self.spec.pattern.right
        if key.shape[1] is not None:
            left, right = (min(reach, key.shape[1]) for reach in (left, right))
        return left, right, fold.folded_start

    def _band(self, query, key, value):
        length = ops.shape(query)[1]
        outputs, log_sums = [], []
        for fold in self.folds:
            folded_key = fold.key(key, self.groups)
            answer = band.forward(
                fold.query(query),
                folded_key,
                fold.key(value, self.groups),
                fold.masks(self.masks, key),
                self.spec.scale,
                self._reach(fold, folded_key),
            )
            output, log_sum = (fold.unfolded(x, length) for x in answer)
            outputs.append(output)
            log_sums.append(log_sum)
        joined = [dilation.put_together(self.folds, x) for x in (outputs, log_sums)]
        # Heads of different dilations were walked without their groups.
        return tuple(
            ops.reshape(x, ops.shape(like))
            for x, like in zip(joined, (query, query[..., 0]), strict=True)
        )

    def _band_gradients(self, inputs, results):
        query, key, value = inputs
        output, log_sum, upstream = results
        query_length, key_length = ops.shape(query)[1], ops.shape(key)[1]
        query_parts, key_sum, value_sum = [], 0.0, 0.0
        for fold in self.folds:
            folded_key = fold.key(key, self.groups)
            gradients = band.backward(
                (fold.query(query), folded_key, fold.key(value, self.groups)),
                (
                    fold.query(output),
                    fold.query(log_sum, -masked_score(log_sum.dtype)),
                    fold.query(upstream),
                ),
                fold.masks(self.masks, key),
                self.spec.scale,
                self._reach(fold, folded_key),
            )
            query_parts.append(fold.unfolded(gradients[0], query_length))
            key_part, value_part = (
                fold.unfolded(x, key_length, fold.shift) for x in gradients[1:]
            )
            key_sum = key_sum + self._by_kv_head(key_part, fold, key)
            value_sum = value_sum + self._by_kv_head(value_part, fold, value)
        query_gradient = dilation.put_together(self.folds, query_parts)
        return ops.reshape(query_gradient, ops.shape(query)), key_sum, value_sum

    def _by_kv_head(self, gradient, fold, like):
        """Sum what the heads of a fold say about the key heads they share."""
        if fold.heads is None:
            return gradient
        shared = [head // self.groups for head in fold.heads]
        one_hot = ops.one_hot(shared, like.shape[2], dtype=gradient.dtype)
        return ops.einsum("blhd,hk->blkd", gradient, one_hot)
