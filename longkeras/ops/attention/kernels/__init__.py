"""Implementations of banded attention: one file each, one signature.

Every implementation is a function `attend(query, key, value, spec)`:

- `query`: `(batch, query_length, heads, head_dim)`;
- `key`, `value`: `(batch, key_length, kv_heads, head_dim)`, `kv_heads` a divisor of
  `heads`, `key_length` at least `spec.query_start + query_length`;
- `spec`: `longkeras.ops.attention.spec.AttentionSpec`: pattern, masks, scale, dropout.

It returns `(batch, query_length, heads, head_dim)` in the query's dtype. A query
whose own position is masked, or that sees no key, is answered with zeros. Global
keys are columns only here; global rows are `global_rows`, over any implementation.
"""
