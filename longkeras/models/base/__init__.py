"""Shared parts of all families: inputs, checks, data, saving, presets, adaptation."""
