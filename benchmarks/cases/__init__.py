"""The cases, one file each. `benchmarks.registry` knows their names."""
