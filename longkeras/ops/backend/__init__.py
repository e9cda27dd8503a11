"""Backend-specific code: custom gradients, compilation, loops, devices."""
