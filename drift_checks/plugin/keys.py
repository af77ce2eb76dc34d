"""What the plugin keeps on pytest's objects, under typed keys."""

from __future__ import annotations

import pytest

from drift_checks.pipeline import Pipeline
from drift_checks.reporting.outcome import Statistic

PIPELINE = pytest.StashKey[Pipeline]()
STATISTICS = pytest.StashKey[list[Statistic]]()
MARK = "drift_criterion"
