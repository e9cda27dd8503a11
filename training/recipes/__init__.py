"""Recipes: one file each, with a command line."""
