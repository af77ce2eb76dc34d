"""The events of a run that are logged, step by step."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import timedelta
from pathlib import Path

from drift_checks.core.outcomes import Result
from drift_checks.report.headline import headline
from drift_checks.report.log_config import ROOT
from drift_checks.report.logs import ON_STDERR, ON_TERMINAL, log_verdict
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.reviews.run import Pipeline

_RUN = logging.getLogger(f"{ROOT}.run")
_REVIEW = logging.getLogger(f"{ROOT}.review")
_CRITERIA = logging.getLogger(f"{ROOT}.criteria")
_VERDICT = logging.getLogger(f"{ROOT}.verdict")
_REPORT = logging.getLogger(f"{ROOT}.report")


def log_refusal(message: str) -> None:
    """Log why there is no run."""
    _RUN.error(message, extra=ON_STDERR)


def log_begin(pipeline: Pipeline) -> None:
    """Log what is reviewed."""
    settings, sample = pipeline.settings, pipeline.sample
    strata = Counter(str(record.stratum) for record in sample.records)
    _RUN.info(
        "begun",
        extra={
            "db": str(settings.db),
            "table": settings.table,
            "collection": settings.collection,
            "reviewer": pipeline.reviewer_name,
            "records": sum(sample.sizes.values()),
            "sample": len(sample.records),
            "strata": dict(strata),
            "seed": sample.seed,
        },
    )


def log_progress(done: int, total: int, so_far: str, seconds_left: float) -> None:
    """Log how far the reviews are."""
    left = timedelta(seconds=round(seconds_left))
    fields = {"done": done, "total": total, "seconds_left": round(seconds_left)}
    _REVIEW.info(f"{done:,} of {total:,} reviewed, {so_far}; about {left} left", extra=fields)


def log_reviews(pipeline: Pipeline) -> None:
    """Log how many records were reviewed and what that used."""
    totals = pipeline.ledger.totals()
    level = logging.WARNING if totals["failed"] or totals["not_asked"] else logging.INFO
    names = ("reviews", "failed", "not_asked", "calls", "input_tokens", "output_tokens", "cost")
    fields = {name: totals[name] for name in names}
    _REVIEW.log(level, f"{totals['reviews']} reviewed", extra={**ON_TERMINAL, **fields})


def log_report(report: RunReport, page: Path | None, warnings: Iterable[str], built_in: Collection[str]) -> None:
    """Log the verdicts of the criteria and of the run, the report's path, and what could not be written.

    Messages of the `built_in` criteria never quote a record.
    """
    for result in report.criteria:
        name = result.criterion.name
        fields = {"criterion": name, "verdict": result.verdict and str(result.verdict)}
        log_verdict(_CRITERIA, result.counts_as, f"{name}: {_message(result, report, built_in)}", **fields)
    agreement = report.agreement
    log_verdict(
        _VERDICT,
        report.verdict,
        headline(report),
        verdict=str(report.verdict),
        exit_code=report.verdict.exit_code,
        agreed=agreement.agreed,
        reviewed=agreement.reviewed,
        rate=agreement.rate,
        duration_seconds=round(report.duration_seconds, 3),
        partial=report.facts.partial,
    )
    if page is not None:
        _REPORT.info("written", extra={"path": str(page)})
    for warning in warnings:
        _REPORT.warning(warning, extra=ON_TERMINAL)


def _message(result: CriterionResult, report: RunReport, built_in: Collection[str]) -> str:
    """Return a criterion's message; a user's own may quote a record, so only its counts are logged."""
    broken = any(item.result is Result.BROKEN for item in report.outcomes if item.criterion == result.criterion.name)
    if result.criterion.name in built_in and not broken:
        return result.message
    return f"{result.passed} passed, {result.failed} failed, {result.unmeasured} not measured"
