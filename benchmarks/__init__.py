"""Time and memory, measured after the case's own tests have passed."""
