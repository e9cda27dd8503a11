"""Causal Transformers: full attention, or a sliding window a layer."""
