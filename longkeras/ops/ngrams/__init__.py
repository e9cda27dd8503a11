"""N-gram hashes and earlier occurrences of n-grams."""
