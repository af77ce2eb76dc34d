"""Drift Checks: a pytest-style test suite for the drift of text classifiers."""

import logging

__version__ = "0.1.0"

# What nobody listens to is not written to stderr either.
logging.getLogger(__name__).addHandler(logging.NullHandler())
