"""Implementations of banded attention: one file each, one signature.

Every implementation is a function
`attend(query, key, value, pattern, key_mask, scale, query_start)`:

- `query`: `(batch, query_length, heads, head_dim)`;
- `key`, `value`: `(batch, key_length, heads, head_dim)`, `key_length` at least
  `query_start + query_length`;
- `pattern`: the `longkeras.patterns.BandedPattern`;
- `key_mask`: boolean `(batch, key_length)` or None, True where a key may be seen;
- `scale`: float by which the scores are multiplied;
- `query_start`: int, the position of the first query among the keys.

It returns `(batch, query_length, heads, head_dim)` in the query's dtype. A query
whose own position is masked, or that sees no key, is answered with zeros.
"""
