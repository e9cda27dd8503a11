"""Language models: bits per byte, use of the context, recall, text requests."""
