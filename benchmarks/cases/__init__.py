"""The cases, one per file. `benchmarks.registry` lists their names."""
