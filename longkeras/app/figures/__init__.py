"""Pieces of the page as HTML text. What comes from a person or a model is escaped."""
