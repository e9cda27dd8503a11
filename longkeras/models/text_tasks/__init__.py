"""Heads of encoder families and their preprocessors."""
