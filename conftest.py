"""The wiring of a checkout: loads the plugin, and is the place to plug in a store or a classifier of your own.

`sample` draws the records from SQLite, `vectors` and `entries` read them from Chroma, `review` and `reviews` hold the
reviewer's decisions. They stand in drift_checks/plugin/fixtures.py, where criteria find them wherever their files lie;
a function that takes the place of an import below serves every criterion of this checkout instead.
"""

from __future__ import annotations

from drift_checks.plugin.fixtures import entries, review, reviews, sample, vectors

__all__ = ["entries", "review", "reviews", "sample", "vectors"]

# The same plugin as the installed one: a checkout needs no installation.
pytest_plugins = ["drift_checks.plugin"]
