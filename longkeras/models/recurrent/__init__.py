"""Stacked LSTM and GRU language models."""
