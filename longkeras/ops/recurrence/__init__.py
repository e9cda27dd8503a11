"""Recurrent cells over a sequence, and the choice of implementation."""
