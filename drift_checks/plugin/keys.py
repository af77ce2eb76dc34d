"""What the plugin's modules share: typed stash keys and the criterion mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from drift_checks.core.outcomes import Criterion, Statistic
    from drift_checks.report.logs import Logs
    from drift_checks.reviews.run import Pipeline

MARK = "drift_criterion"
# The attribute of a pytest report that carries an outcome, also from worker to controller.
OUTCOME = "drift_outcome"
PIPELINE: pytest.StashKey[Pipeline] = pytest.StashKey()
CRITERIA: pytest.StashKey[dict[str, Criterion]] = pytest.StashKey()
STATISTICS: pytest.StashKey[list[Statistic]] = pytest.StashKey()
# The parser to which the ini keys are not added yet, so that `pytest --help` leaves them out.
UNEXPLAINED: pytest.StashKey[pytest.Parser] = pytest.StashKey()
# What a check found, None if it passed.
FINDING: pytest.StashKey[str | None] = pytest.StashKey()
# The exit code that the run decided on.
EXIT_CODE: pytest.StashKey[int] = pytest.StashKey()
# The exit code of a run that was refused with a pytest.UsageError.
REFUSED: pytest.StashKey[int] = pytest.StashKey()
# The run's verdict, once it is judged.
VERDICT: pytest.StashKey[str] = pytest.StashKey()
# Warnings for stderr at the end of the session.
WARNINGS: pytest.StashKey[list[str]] = pytest.StashKey()
# The log of the run, also after it is closed.
LOGS: pytest.StashKey[Logs] = pytest.StashKey()
