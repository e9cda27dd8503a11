"""Benchmarks of time and memory, run after the tests of a case have passed."""
