"""The compared implementations, one module per library, each with `prepare`."""
