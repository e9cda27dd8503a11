"""Attention over a pattern: the ops, their specification, and kernel dispatch."""
