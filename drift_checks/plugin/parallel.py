"""A run under pytest-xdist: each record is reviewed once, and the controller judges as if there were one process.

The controller pins what the workers must share and holds the reports; the first worker to come reviews, under
a lock, and the others read its journal; what the controller cannot see, each worker hands over at its end.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drift_checks.plugin.collecting import CRITERIA, is_criterion
from drift_checks.review.journal import NAME, read_journal
from drift_checks.review.resuming import Unfinished, find_unfinished
from drift_checks.settings.declarations import Settings

if TYPE_CHECKING:
    from drift_checks.plugin.finishing import Finishing

_PACKAGE = __name__.partition(".")[0]
_NOW = "drift_now"
_FOLDER = "drift_folder"
_RUN = "drift_run"
_CONTRIBUTION = "drift_contribution"


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Whether this process hands the tests out to workers."""
    return config.pluginmanager.hasplugin("dsession")


def now(config: pytest.Config) -> datetime:
    """Return the moment of the run: on a worker the controller's, so that all draw the same sample."""
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
    """Return where the run's journal is: on a worker the controller's folder, else this."""
    return Path(config.workerinput[_FOLDER]) if is_worker(config) else folder  # type: ignore[attr-defined]


def run_id(config: pytest.Config) -> str | None:
    """Return the id of the controller's run on a worker, None elsewhere."""
    return str(config.workerinput[_RUN]) if is_worker(config) else None  # type: ignore[attr-defined]


def unfinished_run(config: pytest.Config, settings: Settings) -> Unfinished | None:
    """Return the run that goes on, where one is to: on a worker what the controller found.

    Raises:
        SettingError: There is none.
    """
    if not settings.resume or settings.db is None:
        return None
    if is_worker(config):
        folder = Path(config.workerinput[_FOLDER])  # type: ignore[attr-defined]
        return Unfinished(folder, read_journal(folder / NAME))
    return find_unfinished(settings)


class Controller:
    """The controller's side.

    Args:
        finishing: Of the controller; it takes what the workers hand over.
        moment: The moment of the run.
    """

    def __init__(self, finishing: Finishing, moment: datetime) -> None:
        self._finishing = finishing
        self._moment = moment

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker what all must share."""
        node.workerinput[_NOW] = self._moment.isoformat()
        node.workerinput[_FOLDER] = str(self._finishing.folder)
        node.workerinput[_RUN] = self._finishing.run_id

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker hands over."""
        if contribution := getattr(node, "workeroutput", {}).get(_CONTRIBUTION):
            self._finishing.take(contribution)


class Worker:
    """A worker's side.

    Args:
        config: Of the worker.
        finishing: Of the worker, which judges nothing.
    """

    def __init__(self, config: pytest.Config, finishing: Finishing) -> None:
        self._config = config
        self._finishing = finishing

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather the outcomes of this worker's checks, of which it may know more than the controller."""
        self._finishing.pytest_runtest_logreport(report)

    def pytest_sessionfinish(self) -> None:
        """Hand over what the controller cannot see."""
        output: dict[str, Any] = self._config.workeroutput  # type: ignore[attr-defined]
        output[_CONTRIBUTION] = self._finishing.contribution()
