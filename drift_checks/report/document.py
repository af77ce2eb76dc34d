"""The key `drift` of report.json: the public form of a run, on which other programs rely."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, timedelta
from sys import float_info
from typing import Any

from drift_checks.core.instants import read_instant
from drift_checks.core.outcomes import AGREEMENT, Decision, Outcome, Result
from drift_checks.core.plain import to_plain
from drift_checks.core.records import RecordId
from drift_checks.report.acknowledgements import Acknowledgement
from drift_checks.report.headline import deciding_criteria, headline
from drift_checks.report.history.recorded import (
    KnownDisagreement,
    RecordedCriterion,
    RecordedDisagreement,
    RecordedRun,
)
from drift_checks.report.run import CriterionResult, JudgedStatistic, RunReport

# What a criterion says of its acknowledgement.
_SHOWN = ("number", "until", "reason")
_DECIDED = [item.name for item in fields(Decision)]


def drift_document(report: RunReport) -> dict[str, Any]:
    """Return the run as dicts, lists, strings and numbers; rates are null if nothing was measured."""
    document: dict[str, Any] = to_plain(record(report))
    return document


def record(report: RunReport) -> RecordedRun:
    """Return the run as report.json and the history record it."""
    facts = report.facts
    started = read_instant(facts.started, UTC)
    assert started is not None
    return RecordedRun(
        run_id=facts.run_id,
        started=started,
        finished=read_instant(facts.finished, UTC) or started + timedelta(seconds=report.duration_seconds),
        duration_seconds=round(report.duration_seconds, 3),
        verdict=report.verdict,
        exit_code=report.exit_code,
        headline=headline(report),
        decided_by=tuple(result.criterion.name for result in deciding_criteria(report)),
        demo=facts.demo,
        partial=facts.partial,
        store=facts.store,
        sample=facts.sample,
        reviewer=facts.reviewer,
        second_reviewers=facts.second_reviewers,
        decision=facts.decision,
        judge=facts.judge,
        error_rate=facts.error_rate,
        agreement=report.agreement,
        agreement_changes=report.agreement_changes,
        accuracy=facts.accuracy,
        criteria=tuple(_criterion(result) for result in report.criteria),
        disagreements=tuple(_disagreement(outcome) for outcome in report.disagreements),
        agreed_records=_agreed_records(report),
        known_disagreements=tuple(_known(outcome) for outcome in report.known if outcome.decision),
        acknowledged=tuple(
            item.as_plain() | {"found": _was_found(item, report)} for item in report.acknowledged.active
        ),
        acknowledgements_ended=tuple(item.as_plain() | {"why": why} for item, why in report.acknowledged.ended),
        settings=facts.settings,
        versions=facts.versions,
    )


def _criterion(result: CriterionResult) -> RecordedCriterion:
    criterion, known = result.criterion, result.acknowledged
    return RecordedCriterion(
        name=criterion.name,
        question=criterion.question,
        verdict=result.verdict,
        passed=result.passed,
        failed=result.failed,
        unmeasured=result.unmeasured,
        not_needed=result.not_needed,
        known=result.known,
        acknowledged=None if known is None else {name: known.as_plain()[name] for name in _SHOWN},
        rate=result.rate,
        interval=result.interval,
        effect=criterion.effect or None,
        value=result.effect,
        least=criterion.least,
        warn=None if result.warn == float_info.max else result.warn,
        critical=result.critical,
        message=result.message,
        statistics=tuple(_statistic(item) for item in result.statistics),
    )


def _statistic(item: JudgedStatistic) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(item.statistic)
    return plain | {"verdict": to_plain(item.verdict), "adjusted_p_value": item.adjusted_p_value}


def _was_found(item: Acknowledgement, report: RunReport) -> bool:
    """Whether the acknowledgement applied to something in this run."""
    known = [result for result in report.criteria if result.acknowledged is not None]
    return any(item.covers_disagreement(outcome) for outcome in report.known) or any(
        item.covers_criterion(result.criterion.name, result.verdict) for result in known
    )


def _agreed_records(report: RunReport) -> dict[str, dict[str, tuple[RecordId, ...]]]:
    found: dict[str, dict[str, tuple[RecordId, ...]]] = {}
    for item in report.outcomes:
        agreed = item.criterion == AGREEMENT and item.result is Result.PASSED
        if agreed and item.record_id is not None and item.decision is not None:
            of_stratum = found.setdefault(item.stratum or "", {})
            of_stratum[item.decision.stored] = (*of_stratum.get(item.decision.stored, ()), item.record_id)
    return found


def _disagreement(outcome: Outcome) -> RecordedDisagreement:
    decided = dict.fromkeys(_DECIDED) if outcome.decision is None else to_plain(outcome.decision)
    return RecordedDisagreement(record_id=outcome.record_id, stratum=outcome.stratum, **decided)


def _known(outcome: Outcome) -> KnownDisagreement:
    decided = to_plain(outcome.decision)
    return KnownDisagreement(record_id=outcome.record_id, stratum=outcome.stratum, why=outcome.message, **decided)
