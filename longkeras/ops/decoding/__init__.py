"""Key/value caches and attention for decoding token by token."""
