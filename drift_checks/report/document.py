"""The key `drift` of report.json: the public form of a run, on which other programs rely."""

from __future__ import annotations

from sys import float_info
from typing import Any

from drift_checks.core.instants import format_instant
from drift_checks.core.outcomes import Outcome
from drift_checks.report.acknowledgements import Acknowledgement
from drift_checks.report.headline import deciding_criteria, headline
from drift_checks.report.run import Agreement, CriterionResult, Facts, JudgedStatistic, Reviewing, RunReport

SCHEMA = 1


def drift_document(report: RunReport) -> dict[str, Any]:
    """Return the run as plain dicts, lists, strings and numbers; rates are null where nothing was measured."""
    facts = report.facts
    return {
        "schema": SCHEMA,
        "run_id": facts.run_id,
        "started": facts.started,
        "finished": facts.finished or None,
        "duration_seconds": round(report.duration_seconds, 3),
        "verdict": str(report.verdict),
        "exit_code": report.exit_code,
        "headline": headline(report),
        "decided_by": [result.criterion.name for result in deciding_criteria(report)],
        "demo": facts.demo,
        "partial": facts.partial,
        "store": {
            "db": facts.db,
            "table": facts.table,
            "chroma": facts.chroma,
            "collection": facts.collection,
            "records": facts.records,
            "vectors": facts.vectors,
            "versions": facts.store_versions,
        },
        "sample": {
            "size": len(facts.record_ids),
            "seed": facts.seed,
            "as_of": facts.as_of,
            "naive_timezone": facts.naive_timezone,
            "strata": facts.drawn,
            "store_strata": facts.sizes,
            "record_ids": facts.record_ids,
            "notes": facts.notes,
        },
        "reviewer": _reviewer(facts),
        "decision": facts.decision,
        "judge": facts.judge,
        "error_rate": facts.error_rate,
        "agreement": _agreement(report.agreement),
        "criteria": [_criterion(result) for result in report.criteria],
        "disagreements": [_disagreement(outcome) for outcome in report.disagreements],
        "acknowledged": [item.as_plain() | {"found": _was_found(item, report)} for item in report.acknowledged.active],
        "acknowledgements_ended": [item.as_plain() | {"why": why} for item, why in report.acknowledged.ended],
        "alerts": [],
        "settings": facts.settings,
        "versions": facts.versions,
    }


def _reviewer(facts: Facts) -> dict[str, Any]:
    return {
        "name": facts.reviewer,
        "model": facts.model,
        "prompt": facts.prompt,
        "calls": facts.reviewing.calls,
        "reviewed": facts.reviewing.reviews,
        "failed": facts.reviewing.failed,
        "not_asked": facts.reviewing.not_asked,
        "input_tokens": facts.reviewing.input_tokens,
        "output_tokens": facts.reviewing.output_tokens,
        "cost": facts.reviewing.cost,
        "median_seconds": facts.reviewing.median_seconds,
        "slowest_seconds": facts.reviewing.slowest_seconds,
        "self_disagreement": _self_disagreement(facts.reviewing),
    }


def _self_disagreement(reviewing: Reviewing) -> dict[str, Any] | None:
    if not reviewing.repeated:
        return None
    return {
        "repeated": reviewing.repeated,
        "differed": reviewing.differed,
        "rate": reviewing.difference_rate,
        "interval": reviewing.difference_interval,
    }


def _agreement(agreement: Agreement) -> dict[str, Any]:
    population = agreement.population
    return {
        "agreed": agreement.agreed,
        "reviewed": agreement.reviewed,
        "rate": agreement.rate,
        "interval": agreement.interval,
        "confidence_change": agreement.confidence_change,
        "population": None if population is None else {"rate": population.rate, "interval": population.interval},
        "population_missing": agreement.population_missing or None,
        "population_without": list(agreement.population_without),
        "acknowledged": agreement.acknowledged,
    }


def _criterion(result: CriterionResult) -> dict[str, Any]:
    return {
        "name": result.criterion.name,
        "question": result.criterion.question,
        "verdict": None if result.verdict is None else str(result.verdict),
        "passed": result.passed,
        "failed": result.failed,
        "unmeasured": result.unmeasured,
        "not_needed": result.not_needed,
        "known": result.known,
        "acknowledged": result.acknowledged and _until_when(result.acknowledged),
        "rate": result.rate,
        "interval": result.interval,
        "effect": result.criterion.effect or None,
        "value": result.effect,
        "least": result.criterion.least,
        "warn": None if result.warn == float_info.max else result.warn,
        "critical": result.critical,
        "message": result.message,
        "statistics": [_statistic(item) for item in result.statistics],
    }


def _statistic(item: JudgedStatistic) -> dict[str, Any]:
    statistic = item.statistic
    return {
        "name": statistic.name,
        "verdict": None if item.verdict is None else str(item.verdict),
        "value": statistic.value,
        "interval": statistic.interval,
        "p_value": statistic.p_value,
        "adjusted_p_value": item.adjusted_p_value,
        "number": statistic.number,
        "passed": statistic.passed,
        "failed": statistic.failed,
        "message": statistic.message,
        "details": dict(statistic.details),
    }


def _until_when(item: Acknowledgement) -> dict[str, Any]:
    return {"number": item.number, "until": format_instant(item.until), "reason": item.reason}


def _was_found(item: Acknowledgement, report: RunReport) -> bool:
    """Whether the run met what somebody knows about."""
    known = [result for result in report.criteria if result.acknowledged is not None]
    return any(item.covers_disagreement(outcome) for outcome in report.known) or any(
        item.covers_criterion(result.criterion.name, result.verdict) for result in known
    )


def _disagreement(outcome: Outcome) -> dict[str, Any]:
    decision = outcome.decision
    return {
        "record_id": outcome.record_id,
        "stratum": outcome.stratum,
        "stored": decision and decision.stored,
        "reviewed": decision and decision.reviewed,
        "stored_confidence": decision and decision.stored_confidence,
        "reviewed_confidence": decision and decision.reviewed_confidence,
    }
