"""What the plugin's modules share: typed stash keys and the criterion mark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from drift_checks.core.errors import DriftError
    from drift_checks.core.outcomes import Criterion, Outcome, Statistic
    from drift_checks.plugin.quiet import Quiet
    from drift_checks.report.logs import Logs
    from drift_checks.report.run import RunReport
    from drift_checks.reviews.run import Pipeline
    from drift_checks.stores.tables import Table

MARK = "drift_criterion"
# The attribute of a pytest report that carries outcomes: one, or that of each record of a batch. Reports of a worker
# carry them in plain values.
OUTCOMES = "drift_outcomes"
PIPELINE: pytest.StashKey[Pipeline] = pytest.StashKey()
CRITERIA: pytest.StashKey[dict[str, Criterion]] = pytest.StashKey()
STATISTICS: pytest.StashKey[list[Statistic]] = pytest.StashKey()
# The outcomes of the records of a batch so far.
BATCH: pytest.StashKey[list[Outcome]] = pytest.StashKey()
# What a check found, None if it passed.
FINDING: pytest.StashKey[str | None] = pytest.StashKey()
# The exit code that the run decided on.
EXIT_CODE: pytest.StashKey[int] = pytest.StashKey()
# Why the run was refused with a pytest.UsageError, or why its report could not be written.
ERROR: pytest.StashKey[DriftError] = pytest.StashKey()
# What holds back pytest's output, in a quiet run.
QUIET: pytest.StashKey[Quiet] = pytest.StashKey()
# The run, once it is judged.
REPORT: pytest.StashKey[RunReport] = pytest.StashKey()
# Warnings for stderr at the end of the session.
WARNINGS: pytest.StashKey[list[str]] = pytest.StashKey()
# The log of the run, also after it is closed.
LOGS: pytest.StashKey[Logs] = pytest.StashKey()


class Call(NamedTuple):
    """What `drift_checks.review` was called with: the texts of its settings, by ini key, and the table, if any."""

    settings: Mapping[str, str]
    table: Table | None = None


# Only in a session that `drift_checks.review` started, in the process of another program.
CALL: pytest.StashKey[Call] = pytest.StashKey()
