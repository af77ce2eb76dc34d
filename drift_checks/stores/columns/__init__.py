"""Columns: which is what, and how its values are read."""
