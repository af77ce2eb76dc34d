"""What a run in a pytest session logs, step by step."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from drift_checks.core.outcomes import Result
from drift_checks.plugin import parallel
from drift_checks.plugin.collecting import built_in_names
from drift_checks.plugin.keys import LOGS
from drift_checks.report.headline import headline
from drift_checks.report.logs import ON_STDERR, ON_TERMINAL, ROOT, log_verdict, open_logs
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.review.run import Pipeline
from drift_checks.settings.declarations import Settings

_RUN = logging.getLogger(f"{ROOT}.run")
_REVIEW = logging.getLogger(f"{ROOT}.review")
_CRITERIA = logging.getLogger(f"{ROOT}.criteria")
_VERDICT = logging.getLogger(f"{ROOT}.verdict")
_REPORT = logging.getLogger(f"{ROOT}.report")


def begin_logs(config: pytest.Config, settings: Settings) -> None:
    """Have the events of this session written; those of a worker are its controller's.

    Raises:
        SettingError: They cannot be, as the settings say it.
    """
    if not parallel.is_worker(config):
        logs = open_logs(settings.log_config, settings.log_file, quiet=settings.quiet)
        config.stash[LOGS] = logs
        config.add_cleanup(logs.close)


def log_refusal(message: str) -> None:
    """Log why there is no run."""
    _RUN.error(message, extra=ON_STDERR)


def log_begin(config: pytest.Config, pipeline: Pipeline, run_id: str) -> None:
    """Log what is reviewed, and from now on the run on each line."""
    if LOGS not in config.stash:
        return
    config.stash[LOGS].run_id = run_id
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


def log_reviews(pipeline: Pipeline) -> None:
    """Log what came of the reviews."""
    totals = pipeline.ledger.totals()
    level = logging.WARNING if totals["failed"] or totals["not_asked"] else logging.INFO
    names = ("reviews", "failed", "not_asked", "calls", "input_tokens", "output_tokens", "cost")
    fields = {name: totals[name] for name in names}
    _REVIEW.log(level, f"{totals['reviews']} reviewed", extra={**ON_TERMINAL, **fields})


def log_report(report: RunReport, page: Path | None, warnings: Iterable[str]) -> None:
    """Log what each criterion and the whole run came to, where the report is, and what could not be kept."""
    for result in report.criteria:
        fields = {"criterion": result.criterion.name, "verdict": result.verdict and str(result.verdict)}
        log_verdict(_CRITERIA, result.counts_as, f"{result.criterion.name}: {_said(result, report)}", **fields)
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


def _said(result: CriterionResult, report: RunReport) -> str:
    """Return what a criterion came to; what others wrote may quote a record, so of theirs the counts alone."""
    broken = any(item.result is Result.BROKEN for item in report.outcomes if item.criterion == result.criterion.name)
    if result.criterion.name in built_in_names() and not broken:
        return result.message
    return f"{result.passed} passed, {result.failed} failed, {result.unmeasured} not measured"
