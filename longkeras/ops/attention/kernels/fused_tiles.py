"""A contiguous band as calls of PyTorch's fused kernel, and its gradient.

Blocks of queries meet overlapping windows of keys that are views, not copies. Many
blocks are one call. PyTorch differentiates each call by itself; only adding up what
overlapping windows say about one key is done here, part by part, so that nothing as
large as all windows together is ever made.
"""

import dataclasses
import functools

from longkeras.ops.attention.kernels.fused_parts import plan


@dataclasses.dataclass(frozen=True)
class Columns:
    """Global keys, that every query sees beside its band.

    Args:
        key: `(batch, few, kv_heads, head_dim)`.
        value: as `key`.
        is_global: bool `(batch, few)`, False where a row has fewer.
        documents: int `(batch, few)` or None.
        key_positions: int `(batch, few)`, given where no later key may be seen.
        query_positions: int `(batch, queries)`, given with `key_positions`.
    """

    key: object
    value: object
    is_global: object
    documents: object = None
    key_positions: object = None
    query_positions: object = None


def attend(query, key, value, masks, columns, scale, reach):
    """Answer every query from the keys of its band and the global keys.

    Args:
        query: `(batch, queries, heads, head_dim)`, finite.
        key: `(batch, keys, kv_heads, head_dim)`, finite.
        value: as `key`.
        masks: `longkeras.ops.attention.kernels.tile.Masks`, without dropout.
        columns: `Columns`, or None.
        scale: float.
        reach: `(left, right, query_start)`, ints.

    Returns:
        Tensor like `query`, zeros where nothing is seen.
    """
    import torch

    tensors = (query, key, value)
    if columns is not None:
        tensors += (columns.key, columns.value)
    walk = _Walk(masks, columns, scale, reach, plan(tensors, masks, reach))
    if len(walk.parts) == 1:
        return walk.answer(walk.parts[0], walk.cut(walk.parts[0], tensors))
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        return _differentiable().apply(walk, *tensors)
    output = query.new_empty(query.shape)
    for part in walk.parts:
        part.queries(output).copy_(walk.answer(part, walk.cut(part, tensors)))
    return output


@dataclasses.dataclass(frozen=True)
class _Walk:
    """One call of `attend`: its parts, and what hides keys in them."""

    masks: object
    columns: object
    scale: float
    reach: tuple
    parts: list

    def cut(self, part, tensors):
        """What a part sees of query, key and value, and of the columns' two."""
        query, key, value, *columns = tensors
        cut = [part.queries(query), part.keys(key), part.keys(value)]
        return cut + [x[part.rows] for x in columns]

    def answer(self, part, cut):
        """Answer the queries of a part: `(texts, block, heads, head_dim)`."""
        import torch

        query, key, value, *columns = cut
        if columns:
            key, value = (
                torch.cat([x, part.repeated(few)], dim=1)
                for x, few in zip((key, value), columns, strict=True)
            )
        seen, unanswered = self._seen(part, query.device), None
        if self._differs_by_row:
            # The kernel would make NaN of a query without a key.
            unanswered = ~seen.any(dim=-1, keepdim=True)
            seen = seen | unanswered
        is_causal = seen is not None and self._is_causal(part)
        output = torch.nn.functional.scaled_dot_product_attention(
            *(x.transpose(1, 2) for x in (query, key, value)),
            attn_mask=None if is_causal else seen,
            is_causal=is_causal,
            scale=self.scale,
            enable_gqa=query.shape[2] != key.shape[2],
        ).transpose(1, 2)
        if self.masks.queries is not None:
            unanswered = unanswered | ~_rows(part, self.masks.queries)
        if unanswered is None:
            return output
        return output.masked_fill(unanswered.transpose(1, 2), 0.0)

    def keeps(self, part, query):
        """Whether what a part's gradient needs may stay in memory.

        Not where it is larger than the queries: then the part is computed again.
        """
        if self.columns is not None:
            return False
        texts = len(range(query.shape[0])[part.rows]) * part.count
        mask = (texts if self._differs_by_row else 1) * part.block * part.tile
        return mask <= 2 * texts * part.block * query.shape[2] * query.shape[3]

    @property
    def _differs_by_row(self):
        return self.masks.keys is not None or self.masks.key_documents is not None

    def _is_causal(self, part):
        """Whether exactly the past is seen, and nothing is masked."""
        left, right, start = self.reach
        starts_at_once = part.key == part.query + start == 0
        is_square = part.block == part.tile
        sees_past = right == 0 and left >= part.block - 1
        return starts_at_once and is_square and sees_past and not self._differs_by_row

    def _seen(self, part, device):
        """bool, broadcastable to `(texts, 1, block, tile + few)`; None hides none."""
        import torch

        masks, columns = self.masks, self.columns
        seen = self._band(part, device)
        if masks.keys is not None:
            seen = _both(seen, part.keys(masks.keys)[:, None, None])
        if masks.key_documents is not None:
            documents = part.keys(masks.key_documents)[:, None, None]
            seen = _both(seen, _rows(part, masks.query_documents) == documents)
        if columns is None:
            return seen
        few = _columns(part, columns.is_global)
        if columns.documents is not None:
            documents = _columns(part, columns.documents)
            few = few & (_rows(part, masks.query_documents) == documents)
        if columns.key_positions is not None:
            positions = _columns(part, columns.key_positions)
            few = few & (_rows(part, columns.query_positions) >= positions)
        shape = torch.broadcast_shapes(seen.shape[:-1], few.shape[:-1])
        both = [x.expand(*shape, x.shape[-1]) for x in (seen, few)]
        return torch.cat(both, dim=-1)

    def _band(self, part, device):
        """bool `(1, 1, block, tile)`, or None where every key is in the band."""
        import torch

        left, right, start = self.reach
        offset = part.key - (start + part.query)
        if offset - part.block + 1 >= -left and offset + part.tile - 1 <= right:
            return None
        key = torch.arange(part.tile, device=device)
        query = torch.arange(part.block, device=device)[:, None]
        distance = key - query + offset
        return ((distance >= -left) & (distance <= right))[None, None]


def _rows(part, x):
    """`(texts, 1, block, 1)` of a `(batch, queries)` tensor."""
    return part.queries(x)[:, None, :, None]


def _columns(part, x):
    """`(texts, 1, 1, few)` of a `(batch, few)` tensor."""
    return part.repeated(x[part.rows])[:, None, None]


def _both(seen, allowed):
    return allowed if seen is None else seen & allowed


@functools.cache
def _differentiable():
    """The function of a walk and its tensors that PyTorch differentiates."""
    import torch

    class Tiled(torch.autograd.Function):
        @staticmethod
        def forward(context, walk, *tensors):
            context.walk = walk
            context.save_for_backward(*tensors)
            context.kept = {}
            output = tensors[0].new_empty(tensors[0].shape)
            for part in walk.parts:
                leaves, answer = _recorded(walk, part, tensors)
                part.queries(output).copy_(answer.detach())
                if walk.keeps(part, tensors[0]):
                    context.kept[part.place] = leaves, answer
            return output

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(context, upstream):
            walk, tensors = context.walk, context.saved_tensors
            # A second pass over one graph finds nothing kept, and computes anew.
            kept, context.kept = context.kept, {}
            totals = [_zeros(x) for x in tensors]
            for part in walk.parts:
                recorded = kept.pop(part.place, None)
                leaves, answer = recorded or _recorded(walk, part, tensors)
                gradients = torch.autograd.grad(answer, leaves, part.queries(upstream))
                _add(part, totals, gradients)
            pairs = zip(totals, tensors, strict=True)
            return None, *(total.to(x.dtype) for total, x in pairs)

    return Tiled


def _recorded(walk, part, tensors):
    """`(leaves, answer)` of a part, ready to be differentiated."""
    import torch

    with torch.enable_grad():
        cut = walk.cut(part, tensors)
        leaves = [x.detach().requires_grad_() for x in cut]
        return leaves, walk.answer(part, leaves)


def _zeros(x):
    """Room for a sum of gradients."""
    import torch

    return torch.zeros(
        x.shape, dtype=torch.promote_types(x.dtype, torch.float32), device=x.device
    )


def _add(part, totals, gradients):
    query, key, value, *columns = totals
    of_query, of_key, of_value, *of_columns = gradients
    part.add_to_queries(query, of_query)
    part.add_to_keys(key, of_key)
    part.add_to_keys(value, of_value)
    for total, addend in zip(columns, of_columns, strict=True):
        total[part.rows].add_(addend)
