"""Kernels of attention: one file each, one signature.

A kernel of the band is a function `attend(query, key, value, spec)`:

- `query`: `(batch, query_length, heads, head_dim)`;
- `key`, `value`: `(batch, key_length, kv_heads, head_dim)`, `kv_heads` a divisor of
  `heads`, `key_length` at least `spec.query_start + query_length`;
- `spec`: `longkeras.ops.attention.spec.AttentionSpec`: pattern, masks, scale, dropout.

It returns `(batch, query_length, heads, head_dim)` in the query's dtype. A query
whose own position is masked, or that sees no key, is answered with zeros. A kernel
knows global keys only; the rows of global queries are replaced afterwards, by
`replace(output, ..., spec)` of `dense`, `global_queries` or `absorbed_projections`.
The table in `longkeras.ops.attention.dispatch` says when each of them runs.
"""
