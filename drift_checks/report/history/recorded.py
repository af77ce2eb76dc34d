"""A finished run as the history keeps it: the public form of report.json, read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from drift_checks.core.instants import read_instant
from drift_checks.core.records import RecordId
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.intervals import Estimate, Interval


class StoreIdentity(NamedTuple):
    """What tells one store from another."""

    db: str
    table: str
    collection: str


@dataclass(frozen=True)
class RecordedCriterion:
    """What a criterion came to; None for what was not measured, or is not of its kind."""

    name: str
    verdict: Verdict | None
    passed: int
    failed: int
    unmeasured: int
    not_needed: int
    rate: float | None
    interval: Interval | None
    value: float | None
    warn: float | None
    critical: float | None
    message: str


@dataclass(frozen=True)
class RecordedDisagreement:
    """A record that the reviewer decided otherwise."""

    record_id: RecordId
    stratum: str | None
    stored: str | None
    reviewed: str | None
    stored_confidence: float | None
    reviewed_confidence: float | None


@dataclass(frozen=True)
class RecordedRun:
    """A finished run of the whole review.

    Attributes:
        run_id: Of the run; runs sort by it in the order in which they began.
        started: When it began, with a zone.
        finished: When it ended; long after that where it was broken off and went on.
        duration_seconds: How long it took, of a run that went on from there.
        verdict: Of the worst criterion.
        exit_code: With which it ended.
        demo: Whether it reviewed the demo store.
        store: What it reviewed.
        records: How many the store held.
        vectors: How many the collection held, None without one.
        versions: Of the records that came last: `model_version`, `prompt_version`, `embedding_model`.
        sample_size: How many records were drawn.
        seed: Of the draw.
        as_of: The reference time of the draw, as it was written.
        reviewer: What decided again.
        model: The reviewer's.
        prompt: The reviewer's.
        decision: How agreement was judged.
        judge: Whose agreement was judged.
        agreed: On how many of the judged records both agree.
        reviewed: How many of them were reviewed.
        rate: Of agreement.
        interval: Of the rate, at 95 %.
        population: The estimate of the whole store.
        confidence_change: The mean of it.
        calls: How often the reviewer was called.
        input_tokens: Of all calls.
        output_tokens: Of all calls.
        cost: Of all calls.
        criteria: What each came to.
        disagreements: The records on which reviewer and store disagree.
    """

    run_id: str
    started: datetime
    finished: datetime
    duration_seconds: float
    verdict: Verdict
    exit_code: int
    demo: bool
    store: StoreIdentity
    records: int
    vectors: int | None
    versions: Mapping[str, str]
    sample_size: int
    seed: int
    as_of: str
    reviewer: str
    model: str | None
    prompt: str | None
    decision: str
    judge: str
    agreed: int
    reviewed: int
    rate: float | None
    interval: Interval | None
    population: Estimate | None
    confidence_change: float | None
    calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    criteria: tuple[RecordedCriterion, ...] = ()
    disagreements: tuple[RecordedDisagreement, ...] = ()

    def criterion(self, name: str) -> RecordedCriterion | None:
        """Return what the criterion came to, None where it was not there."""
        return next((item for item in self.criteria if item.name == name), None)


def recorded_run(drift: Mapping[str, Any]) -> RecordedRun:
    """Return the run that the key `drift` of a report.json tells of.

    Raises:
        ValueError: It is not of the form that runs write.
    """
    try:
        return _run(drift)
    except (LookupError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ValueError(f"no run's document: {error!r}") from None


def _run(drift: Mapping[str, Any]) -> RecordedRun:
    store, sample, reviewer, agreement = (drift[key] for key in ("store", "sample", "reviewer", "agreement"))
    started, duration = _moment(drift["started"]), float(drift["duration_seconds"])
    # Earlier runs did not write when they ended.
    finished = _moment(drift["finished"]) if drift.get("finished") else started + timedelta(seconds=duration)
    return RecordedRun(
        run_id=str(drift["run_id"]),
        started=started,
        finished=finished,
        duration_seconds=duration,
        verdict=Verdict(drift["verdict"]),
        exit_code=int(drift["exit_code"]),
        demo=bool(drift["demo"]),
        store=StoreIdentity(str(store["db"]), str(store["table"]), str(store["collection"])),
        records=int(store["records"]),
        vectors=_whole(store["vectors"]),
        versions={str(key): str(value) for key, value in store.get("versions", {}).items()},
        sample_size=int(sample["size"]),
        seed=int(sample["seed"]),
        as_of=str(sample["as_of"]),
        reviewer=str(reviewer["name"]),
        model=_text(reviewer["model"]),
        prompt=_text(reviewer["prompt"]),
        decision=str(drift["decision"]),
        judge=str(drift["judge"]),
        agreed=int(agreement["agreed"]),
        reviewed=int(agreement["reviewed"]),
        rate=_number(agreement["rate"]),
        interval=_interval_of(agreement),
        population=_estimate(agreement["population"]),
        confidence_change=_number(agreement["confidence_change"]),
        calls=int(reviewer["calls"]),
        input_tokens=_whole(reviewer["input_tokens"]),
        output_tokens=_whole(reviewer["output_tokens"]),
        cost=_number(reviewer["cost"]),
        criteria=tuple(_criterion(item) for item in drift["criteria"]),
        disagreements=tuple(_disagreement(item) for item in drift["disagreements"]),
    )


def _moment(written: Any) -> datetime:
    moment = read_instant(written, UTC)
    if moment is None:
        raise ValueError(f"{written!r} is no moment")
    return moment


def _criterion(item: Mapping[str, Any]) -> RecordedCriterion:
    return RecordedCriterion(
        name=str(item["name"]),
        verdict=None if item["verdict"] is None else Verdict(item["verdict"]),
        passed=int(item["passed"]),
        failed=int(item["failed"]),
        unmeasured=int(item["unmeasured"]),
        not_needed=int(item["not_needed"]),
        rate=_number(item["rate"]),
        interval=_interval_of(item),
        value=_number(item["value"]),
        warn=_number(item["warn"]),
        critical=_number(item["critical"]),
        message=str(item["message"]),
    )


def _disagreement(item: Mapping[str, Any]) -> RecordedDisagreement:
    return RecordedDisagreement(
        record_id=item["record_id"],
        stratum=_text(item["stratum"]),
        stored=_text(item["stored"]),
        reviewed=_text(item["reviewed"]),
        stored_confidence=_number(item["stored_confidence"]),
        reviewed_confidence=_number(item["reviewed_confidence"]),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def _interval_of(measured: Mapping[str, Any]) -> Interval | None:
    """Return the interval that is there if a rate is."""
    interval = _interval(measured["interval"])
    if (interval is None) is not (measured["rate"] is None):
        raise ValueError("a rate and its interval are there together")
    return interval


def _interval(bounds: Any) -> Interval | None:
    return None if bounds is None else (float(bounds[0]), float(bounds[1]))


def _estimate(population: Any) -> Estimate | None:
    if population is None:
        return None
    bounds = _interval(population["interval"])
    return None if bounds is None else Estimate(float(population["rate"]), bounds)
