"""Measurements of the suite; nothing depends on them."""
