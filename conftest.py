"""The wiring of a checkout: loads the plugin, and is the place to plug in a store or a classifier of your own.

`sample` draws the records from SQLite, `vectors` and `entries` read them from Chroma, `review` and `reviews` hold the
reviewer's decisions. They stand in drift_checks/plugin/fixtures.py, where criteria find them wherever their files lie;
a function that takes the place of an import below serves every criterion of this checkout instead.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.plugin.criterion_files import CRITERIA
from drift_checks.plugin.fixtures import entries, review, reviews, sample, vectors

__all__ = ["entries", "review", "reviews", "sample", "vectors"]

# The same plugin as the installed one: a checkout needs no installation.
pytest_plugins = ["drift_checks.plugin"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the criteria if `-p no:drift_checks` turns the plugin off: nobody else knows their fixtures."""
    is_off = config.pluginmanager.is_blocked("drift_checks")
    return True if is_off and CRITERIA in collection_path.parents else None
