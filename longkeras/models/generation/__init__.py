"""The decode contract, and generation over it."""
