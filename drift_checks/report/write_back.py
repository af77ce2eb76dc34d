"""A finished run, written into the application's store if `write-back` is set."""

from __future__ import annotations

from datetime import datetime

from drift_checks.report.run import RunReport
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.run import Pipeline
from drift_checks.stores.write_back import WrittenBack
from drift_checks.stores.writing import write_back


def write_to_store(report: RunReport, pipeline: Pipeline, moment: datetime) -> None:
    """Write the run, which began at the moment, into the application's store if that is set and there is a verdict.

    Raises:
        StoreError: The store cannot be written to.
    """
    if not pipeline.settings.write_back or report.facts.partial or report.verdict is Verdict.INCONCLUSIVE:
        return
    agreement = report.agreement
    if agreement.rate is not None:
        written = WrittenBack(
            record_ids=tuple(key for key, review in pipeline.reviews.items() if review.made),
            total_reviewed=agreement.reviewed,
            agreements=agreement.agreed,
            agreement_rate=agreement.rate,
            confidence_change=agreement.confidence_change,
            moment=moment,
            naive=pipeline.settings.naive_timezone,
        )
        write_back(pipeline.store, written)
