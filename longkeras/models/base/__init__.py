"""What every family has: inputs, checks, data, saving, presets, adaptation."""
