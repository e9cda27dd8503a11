"""Short encoders made long."""
