"""What the plugin's parts share: typed keys on pytest's objects, the mark, and the early end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from drift_checks.core.outcomes import Criterion, Statistic
    from drift_checks.plugin.quiet import Quiet
    from drift_checks.report.logs import Logs
    from drift_checks.review.run import Pipeline

PIPELINE: pytest.StashKey[Pipeline] = pytest.StashKey()
CRITERIA: pytest.StashKey[dict[str, Criterion]] = pytest.StashKey()
STATISTICS: pytest.StashKey[list[Statistic]] = pytest.StashKey()
MARK = "drift_criterion"
# The attribute of a pytest report that carries an outcome, also from worker to controller.
OUTCOME = "drift_outcome"
# The exit code that a run decided on.
DECIDED: pytest.StashKey[int] = pytest.StashKey()
# The exit code of a run that ended early, with the sentence of a pytest.UsageError.
ENDED: pytest.StashKey[int] = pytest.StashKey()
# The run's verdict, where it was judged.
VERDICT: pytest.StashKey[str] = pytest.StashKey()
# What is said on stderr when the session is over.
TOLD: pytest.StashKey[list[str]] = pytest.StashKey()
# The handlers of this run, also when they are closed.
LOGS: pytest.StashKey[Logs] = pytest.StashKey()
QUIET: pytest.StashKey[Quiet] = pytest.StashKey()
