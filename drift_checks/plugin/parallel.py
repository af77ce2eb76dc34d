"""A run under pytest-xdist: each record is reviewed once, and the controller judges as if there were one process.

The controller pins what the workers must share and holds the reports; the first worker to come reviews, under
a lock, and the others read its journal; what the controller cannot see, each worker hands over at its end.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drift_checks.plugin.collecting import CRITERIA, is_criterion
from drift_checks.records import Record, Review

if TYPE_CHECKING:
    from drift_checks.pipeline import OnReview, Pipeline
    from drift_checks.plugin.finishing import Finishing

_PACKAGE = __name__.partition(".")[0]
_NOW = "drift_now"
_FOLDER = "drift_folder"
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


def review_once(config: pytest.Config, pipeline: Pipeline, records: Sequence[Record], on_review: OnReview) -> None:
    """Have the records reviewed, on a worker only those that no other worker has."""
    if not is_worker(config):
        pipeline.review(records, on_review)
        return
    folder = Path(config.workerinput[_FOLDER])  # type: ignore[attr-defined]
    journal = folder / "reviews.jsonl"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if journal.exists():
            for line in journal.read_text(encoding="utf-8").splitlines():
                review = Review(**json.loads(line))
                pipeline.reviews[review.record_id] = review
        with journal.open("a", encoding="utf-8") as file:
            pipeline.review(records, lambda review: print(json.dumps(asdict(review)), file=file))


class Controller:
    """The controller's side.

    Args:
        finishing: Of the controller; it takes what the workers hand over.
        moment: The moment of the run.
    """

    def __init__(self, finishing: Finishing, moment: datetime) -> None:
        self._finishing = finishing
        self._moment = moment
        self._folder = tempfile.mkdtemp(prefix="drift-checks-")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker what all must share."""
        node.workerinput[_NOW] = self._moment.isoformat()
        node.workerinput[_FOLDER] = self._folder

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker hands over."""
        if contribution := getattr(node, "workeroutput", {}).get(_CONTRIBUTION):
            self._finishing.take(contribution)

    def pytest_unconfigure(self) -> None:
        """Remove the shared folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


class Worker:
    """A worker's side.

    Args:
        config: Of the worker.
        finishing: Of the worker, which judges nothing.
    """

    def __init__(self, config: pytest.Config, finishing: Finishing) -> None:
        self._config = config
        self._finishing = finishing

    def pytest_sessionfinish(self) -> None:
        """Hand over what the controller cannot see."""
        output: dict[str, Any] = self._config.workeroutput  # type: ignore[attr-defined]
        output[_CONTRIBUTION] = self._finishing.contribution()
