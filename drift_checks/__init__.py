"""Drift Checks: a pytest-style test suite for the drift of text classifiers."""

__version__ = "0.1.0"
