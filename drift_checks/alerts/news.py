"""What there is to tell of a store: a run, or a review that did not come about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drift_checks.alerts.composition import FailedReview, Occasion, compose, failure_message
from drift_checks.alerts.message import Message
from drift_checks.alerts.policy import Finding
from drift_checks.report.certainty import is_confirmed
from drift_checks.report.changes import store_of
from drift_checks.report.history.recorded import StoreIdentity
from drift_checks.report.run import RunReport
from drift_checks.report.verdict import Verdict


@dataclass(frozen=True)
class News:
    """What there is to tell.

    Attributes:
        store: Of which.
        finding: What decides whether it is due.
        compose: Makes the message of it, on an occasion.
    """

    store: StoreIdentity
    finding: Finding
    compose: Callable[[Occasion], Message]


def news_of_run(report: RunReport, page: Path, report_url: str | None) -> News:
    """Return what there is to tell of a run.

    Args:
        report: The run.
        page: Its HTML report.
        report_url: The address under which the folder of reports is published.
    """
    finding = Finding(report.verdict, is_confirmed(report), bool(report.acknowledged.ended))
    return News(store_of(report), finding, lambda occasion: compose(report, occasion, page, report_url))


def news_of_failure(failure: FailedReview) -> News:
    """Return what there is to tell of a review that did not come about: nothing is known of drift."""
    return News(failure.store, Finding(Verdict.INCONCLUSIVE), partial(failure_message, failure))
