"""Components of our own: a piece of Python and, beside it, its JavaScript."""
