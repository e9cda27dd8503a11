"""Hashes and earlier occurrences of n-grams."""
