"""A run under pytest-xdist: each record is reviewed once, and the controller judges as if there were one process.

The controller fixes the time and the sample and holds the reports folder. The first worker reviews, under a lock, and
the others read its journal. At its end each worker hands over what the controller cannot see.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drift_checks.plugin.criterion_files import CRITERIA, is_criterion
from drift_checks.reviews.journal import JOURNAL_FILE, read_journal
from drift_checks.reviews.resuming import Unfinished, find_unfinished
from drift_checks.settings.declarations import Settings

_PACKAGE = __name__.partition(".")[0]
_NOW = "drift_now"
_FOLDER = "drift_folder"
_RUN = "drift_run"
_CONTRIBUTION = "drift_contribution"


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Whether this process distributes the tests to workers."""
    return config.pluginmanager.hasplugin("dsession")


def now(config: pytest.Config) -> datetime:
    """Return the time of the run; a worker takes the controller's, so that all draw the same sample."""
    if is_worker(config):
        return datetime.fromisoformat(config.workerinput[_NOW])  # type: ignore[attr-defined]
    return datetime.now(UTC)


def names_criteria(config: pytest.Config) -> bool:
    """Whether the command line names criteria: the controller collects nothing, so it cannot see them."""
    for argument in config.args:
        if config.option.pyargs and argument.partition("::")[0].partition(".")[0] == _PACKAGE:
            return True
        path = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
        if path == CRITERIA or path in CRITERIA.parents or CRITERIA in path.parents or is_criterion(path):
            return True
    return False


def journal_folder(config: pytest.Config, folder: Path) -> Path:
    """Return the folder of the run's journal: on a worker the controller's, elsewhere `folder`."""
    return Path(config.workerinput[_FOLDER]) if is_worker(config) else folder  # type: ignore[attr-defined]


def run_id(config: pytest.Config) -> str | None:
    """Return the id of the controller's run on a worker, None elsewhere."""
    return str(config.workerinput[_RUN]) if is_worker(config) else None  # type: ignore[attr-defined]


def unfinished_run(config: pytest.Config, settings: Settings) -> Unfinished | None:
    """Return the run to resume, if `resume` is set; raise SettingError if there is none.

    A worker takes the controller's.
    """
    if not settings.resume or settings.db is None:
        return None
    if is_worker(config):
        folder = Path(config.workerinput[_FOLDER])  # type: ignore[attr-defined]
        return Unfinished(folder, read_journal(folder / JOURNAL_FILE))
    return find_unfinished(settings)


class Controller:
    """The controller's side; `take` is called with what a worker hands over."""

    def __init__(self, moment: datetime, folder: Path, run_id: str, take: Callable[[dict[str, Any]], None]) -> None:
        self._shared = {_NOW: moment.isoformat(), _FOLDER: str(folder), _RUN: run_id}
        self._take = take

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker what all must share."""
        node.workerinput.update(self._shared)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker hands over."""
        if contribution := getattr(node, "workeroutput", {}).get(_CONTRIBUTION):
            self._take(contribution)


class Worker:
    """A worker's side: `gather` is called with each test's report, and `contribution` returns what to hand over."""

    def __init__(
        self,
        config: pytest.Config,
        gather: Callable[[pytest.TestReport], None],
        contribution: Callable[[], dict[str, Any]],
    ) -> None:
        self._config = config
        self._gather = gather
        self._contribution = contribution

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather the outcomes of this worker's checks, of which it may know more than the controller."""
        self._gather(report)

    def pytest_sessionfinish(self) -> None:
        """Hand over what the controller cannot see."""
        output: dict[str, Any] = self._config.workeroutput  # type: ignore[attr-defined]
        output[_CONTRIBUTION] = self._contribution()
