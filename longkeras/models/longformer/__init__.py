"""Longformer: a window around each token, and tokens that see everything."""
