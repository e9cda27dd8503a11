"""A contiguous band as calls of PyTorch's fused kernel, and its gradient.

Blocks of queries meet overlapping windows of keys that are views, not copies. Many
blocks are one call. PyTorch differentiates each call by itself; only the gradients of
keys in overlapping windows are added up here, part by part, so that nothing as large as
all windows together is ever made.
"""

import dataclasses
import functools

from longkeras.ops.attention.kernels.fused_parts import plan
from longkeras.ops.attention.visibility import Tokens, visible


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


def attend(query, key, value, masks, columns, scale, window):
    """Answer every query from the keys of its band and the global keys.

    Args:
        query: `(batch, queries, heads, head_dim)`, finite.
        key: `(batch, keys, kv_heads, head_dim)`, finite.
        value: as `key`.
        masks: `longkeras.ops.attention.kernels.tile.Masks`, without dropout.
        columns: `Columns`, or None.
        scale: float.
        window: `(left, right, query_start)`, ints.

    Returns:
        Tensor like `query`, zeros where nothing is seen.
    """
    import torch

    tensors = (query, key, value)
    if columns is not None:
        tensors += (columns.key, columns.value)
    tiles = _Tiles(masks, columns, scale, window, plan(tensors, masks, window))
    if len(tiles.parts) == 1:
        return tiles.answer(tiles.parts[0], tiles.cut(tiles.parts[0], tensors))
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        return _differentiable().apply(tiles, *tensors)
    output = query.new_empty(query.shape)
    for part in tiles.parts:
        part.queries(output).copy_(tiles.answer(part, tiles.cut(part, tensors)))
    return output


@dataclasses.dataclass(frozen=True)
class _Tiles:
    """One call of `attend`: its parts and their masks."""

    masks: object
    columns: object
    scale: float
    window: tuple
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
        left, right, start = self.window
        starts_at_once = part.key == part.query + start == 0
        is_square = part.block == part.tile
        sees_past = right == 0 and left >= part.block - 1
        return starts_at_once and is_square and sees_past and not self._differs_by_row

    def _seen(self, part, device):
        """bool, broadcastable to `(texts, 1, block, tile + few)`; None hides none."""
        import torch

        masks, columns = self.masks, self.columns
        seen = visible(*self._tokens(part, device), *self._bounds(part))
        if columns is None:
            return seen
        is_causal = columns.key_positions is not None
        few = visible(
            Tokens(
                _rows(part, columns.query_positions),
                document=_rows(part, masks.query_documents),
            ),
            Tokens(
                _columns(part, columns.key_positions),
                _columns(part, columns.is_global),
                _columns(part, columns.documents),
            ),
            None,
            0 if is_causal else None,
        )
        shape = torch.broadcast_shapes(seen.shape[:-1], few.shape[:-1])
        both = [x.expand(*shape, x.shape[-1]) for x in (seen, few)]
        return torch.cat(both, dim=-1)

    def _tokens(self, part, device):
        """Queries and keys of a part."""
        import torch

        start = self.window[2] + part.query
        query = torch.arange(start, start + part.block, device=device)[:, None]
        key = torch.arange(part.key, part.key + part.tile, device=device)
        masks = self.masks
        return (
            Tokens(query[None, None], document=_rows(part, masks.query_documents)),
            Tokens(
                key[None, None, None],
                *(
                    None if x is None else part.keys(x)[:, None, None]
                    for x in (masks.keys, masks.key_documents)
                ),
            ),
        )

    def _bounds(self, part):
        """`(left, right)`, None twice where every key of a part is in the window."""
        left, right, start = self.window
        offset = part.key - (start + part.query)
        if offset - part.block + 1 >= -left and offset + part.tile - 1 <= right:
            return None, None
        return left, right


def _rows(part, x):
    """`(texts, 1, block, 1)` of a `(batch, queries)` tensor."""
    return None if x is None else part.queries(x)[:, None, :, None]


def _columns(part, x):
    """`(texts, 1, 1, few)` of a `(batch, few)` tensor."""
    return None if x is None else part.repeated(x[part.rows])[:, None, None]


@functools.cache
def _differentiable():
    """The function of `_Tiles` and tensors that PyTorch differentiates."""
    import torch

    class Tiled(torch.autograd.Function):
        @staticmethod
        def forward(context, tiles, *tensors):
            context.tiles = tiles
            context.save_for_backward(*tensors)
            context.kept = {}
            output = tensors[0].new_empty(tensors[0].shape)
            for part in tiles.parts:
                leaves, answer = _recorded(tiles, part, tensors)
                part.queries(output).copy_(answer.detach())
                if tiles.keeps(part, tensors[0]):
                    context.kept[part.place] = leaves, answer
            return output

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(context, upstream):
            tiles, tensors = context.tiles, context.saved_tensors
            # A second pass over one graph finds nothing kept, and computes anew.
            kept, context.kept = context.kept, {}
            totals = [_zeros(x) for x in tensors]
            for part in tiles.parts:
                recorded = kept.pop(part.place, None)
                leaves, answer = recorded or _recorded(tiles, part, tensors)
                gradients = torch.autograd.grad(answer, leaves, part.queries(upstream))
                _add(part, totals, gradients)
            pairs = zip(totals, tensors, strict=True)
            return None, *(total.to(x.dtype) for total, x in pairs)

    return Tiled


def _recorded(tiles, part, tensors):
    """`(leaves, answer)` of a part, ready to be differentiated."""
    import torch

    with torch.enable_grad():
        cut = tiles.cut(part, tensors)
        leaves = [x.detach().requires_grad_() for x in cut]
        return leaves, tiles.answer(part, leaves)


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
