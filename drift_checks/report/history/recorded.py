"""A run as report.json and the history record it: one dataclass per object of the key `drift`, one field per key.

A field that is added here is in both from then on. Give it a default, so that older reports can still be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from drift_checks.core.files import MEBIBYTE
from drift_checks.core.instants import read_instant
from drift_checks.core.plain import from_plain
from drift_checks.core.records import RecordId
from drift_checks.report.history.accuracy import Accuracy
from drift_checks.report.history.agreement_change import AgreementChange
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.cluster.choice import UsedCluster
from drift_checks.reviews.reviewers.concurrency import UsedConcurrency
from drift_checks.reviews.vectors.base import CHROMA, Comparison
from drift_checks.settings.declarations import NEIGHBOURS, RANDOM
from drift_checks.statistics.intervals import Estimate, Interval, wilson
from drift_checks.stores.identity import StoreIdentity

SCHEMA = 1
# What an estimate of the whole store is made from.
SAMPLE, PREDICTIONS = "sample", "predictions"
# Of a report.json that is read back: a run of some thousand records; parsed, it takes some hundred megabytes.
LARGEST_REPORT = 16 * MEBIBYTE


@dataclass(frozen=True, kw_only=True)
class StoreFacts:
    """The store under review; `versions` are those of its newest records, by the first keys of VERSION_WORDS.

    Files such as CSV hold no tables with names: there, `table` only tells histories apart.
    """

    db: str
    table: str
    has_tables: bool = True
    chroma: str | None = None
    collection: str
    records: int
    vectors: int | None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> StoreIdentity:
        """What tells it from other stores."""
        return StoreIdentity(self.db, self.table, self.collection)

    @property
    def named(self) -> str:
        """The file, and the table if it has several."""
        return f"{self.db}, table {self.table}" if self.has_tables else self.db


@dataclass(frozen=True, kw_only=True)
class SampleFacts:
    """How the records were drawn, and which; `strata` counts the sample by stratum, `store_strata` the store.

    `method` is random or hunt, as the setting `sample` names it.
    """

    size: int
    seed: int
    as_of: str
    naive_timezone: str = ""
    method: str = RANDOM
    strata: Mapping[str, int] = field(default_factory=dict)
    store_strata: Mapping[str, int] = field(default_factory=dict)
    record_ids: tuple[RecordId, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SelfDisagreement:
    """How many of the records reviewed twice got another category the second time."""

    repeated: int
    differed: int
    rate: float
    interval: Interval

    @classmethod
    def of(cls, repeated: int, differed: int) -> SelfDisagreement | None:
        """Return the rate with its 95 % Wilson interval; None without repeated records."""
        interval = wilson(differed, repeated)
        return interval and cls(repeated=repeated, differed=differed, rate=differed / repeated, interval=interval)


@dataclass(frozen=True, kw_only=True)
class OutsideFacts:
    """The reviewer's answers that are none of the store's categories.

    Attributes:
        answers: The number of all answers.
        categories: How often each was answered.
        similar: The store's category that differs from an answer only in case, spaces or punctuation.
        indices: Whether they look like indices of a model's classes, such as `LABEL_3`.
    """

    answers: int
    categories: Mapping[str, int]
    similar: Mapping[str, str] = field(default_factory=dict)
    indices: bool = False


@dataclass(frozen=True, kw_only=True)
class ReviewerFacts:
    """Who reviewed the records, and the effort; None where the reviewer does not say.

    Attributes:
        name: The setting `reviewer`.
        model: The models that answered.
        prompt: The prompt's version.
        comparison: What `neighbours` compared records by; None for other reviewers, and in reports of earlier versions,
            which could only compare vectors in Chroma.
        cluster: The Dask cluster on which it ran; None if it ran in the process of pytest.
        concurrency: How many calls were in flight; None if there were none or the setting alone decided, and in reports
            of earlier versions.
        omitted_parameters: Parameters of the calls that the endpoint rejects, such as `seed`.
        calls: How often it was called, including failed calls, retries and repeats.
        failed: Records that it was asked about without success.
        not_asked: Records that it was not asked about, because the budget was spent or the reviewer was down.
        self_disagreement: None if no record was reviewed twice.
        outside: None if all answers are categories of the store.
    """

    name: str
    model: str | None
    prompt: str | None
    comparison: Comparison | None = None
    cluster: UsedCluster | None = None
    concurrency: UsedConcurrency | None = None
    omitted_parameters: tuple[str, ...] = ()
    calls: int
    reviewed: int = 0
    failed: int = 0
    not_asked: int = 0
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    median_seconds: float | None = None
    slowest_seconds: float | None = None
    self_disagreement: SelfDisagreement | None = None
    outside: OutsideFacts | None = None

    @property
    def basis(self) -> str | None:
        """What `neighbours` compared records by; None for other reviewers."""
        if self.comparison is not None:
            return self.comparison.basis
        return CHROMA if self.name == NEIGHBOURS else None


@dataclass(frozen=True, kw_only=True)
class Kappa:
    """Agreement beyond chance, Cohen's kappa: 1 if store and reviewer always agree, 0 if as often as by chance."""

    value: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far store and reviewer agree: in the sample without its baseline, and as estimated for the whole store.

    `acknowledged` counts the sample's acknowledged disagreements, which are in no other figure.
    `population_missing` says why there is no estimate; `population_without` names the strata that it leaves out because
    all their reviewed records are acknowledged. `population_basis` says what it is estimated from: SAMPLE, or
    PREDICTIONS if the sample corrects a prediction of every record; `population_sample` is then the estimate from the
    sample alone. `kappa` is of the agreement that is judged.
    """

    agreed: int
    reviewed: int
    rate: float | None
    interval: Interval | None
    confidence_change: float | None
    population: Estimate | None
    population_missing: str | None = None
    population_without: tuple[str, ...] = ()
    population_basis: str | None = None
    population_sample: Estimate | None = None
    acknowledged: int = 0
    kappa: Kappa | None = None

    def __post_init__(self) -> None:
        """Refuse a rate without an interval."""
        _refuse_half(self.rate, self.interval)

    def judged(self, judge: str) -> Estimate | None:
        """Return the agreement that is compared with the thresholds under this setting; None if it was not measured."""
        if judge != SAMPLE and self.population is not None:
            return self.population
        return None if self.rate is None or self.interval is None else Estimate(self.rate, self.interval)


@dataclass(frozen=True, kw_only=True)
class RecordedCriterion:
    """The result of a criterion: `rate` and `interval` if it judges records, `effect` and `value` if statistics.

    Without a verdict it was not measured, and `message` says why.
    """

    name: str
    question: str = ""
    verdict: Verdict | None
    passed: int
    failed: int
    unmeasured: int
    not_needed: int
    known: int = 0
    acknowledged: Mapping[str, Any] | None = None
    rate: float | None
    interval: Interval | None
    effect: str | None = None
    value: float | None
    least: int = 1
    warn: float | None
    critical: float | None
    message: str
    statistics: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a rate without an interval."""
        _refuse_half(self.rate, self.interval)


@dataclass(frozen=True, kw_only=True)
class RecordedDisagreement:
    """A record to which the reviewer gives another category than the store."""

    record_id: RecordId | None
    stratum: str | None
    stored: str | None
    reviewed: str | None
    stored_confidence: float | None
    reviewed_confidence: float | None


@dataclass(frozen=True, kw_only=True)
class KnownDisagreement(RecordedDisagreement):
    """A disagreement that does not count, because it is acknowledged or judged; early reports lack `why`."""

    why: str = ""


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """A finished run. Run ids sort in the order in which the runs began.

    `duration_seconds` is the time since the run was last resumed, so `finished` may be long after `started` plus it.
    `agreed_records` are the ids of those on which store and reviewer agree, by stratum and category, and
    `known_disagreements` the acknowledged ones, which `disagreements` lacks. `accuracy` is None without judgements.
    """

    schema: int = SCHEMA
    run_id: str
    started: datetime
    finished: datetime
    duration_seconds: float
    verdict: Verdict
    exit_code: int
    headline: str = ""
    decided_by: tuple[str, ...] = ()
    demo: bool
    partial: bool
    store: StoreFacts
    sample: SampleFacts
    reviewer: ReviewerFacts
    second_reviewers: tuple[ReviewerFacts, ...] = ()
    decision: str
    judge: str
    error_rate: float | None = None
    agreement: Agreement
    agreement_changes: tuple[AgreementChange, ...] = ()
    accuracy: Accuracy | None = None
    criteria: tuple[RecordedCriterion, ...]
    disagreements: tuple[RecordedDisagreement, ...]
    agreed_records: Mapping[str, Mapping[str, tuple[RecordId, ...]]] = field(default_factory=dict)
    known_disagreements: tuple[KnownDisagreement, ...] = ()
    acknowledged: tuple[Mapping[str, Any], ...] = ()
    acknowledgements_ended: tuple[Mapping[str, Any], ...] = ()
    alerts: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def criterion(self, name: str) -> RecordedCriterion | None:
        """Return the result of the criterion, None if the run did not check it."""
        return next((item for item in self.criteria if item.name == name), None)


def recorded_run(drift: Mapping[str, Any]) -> RecordedRun:
    """Return the run that the key `drift` of a report.json describes.

    Raises:
        ValueError: It does not have the form that runs write.
    """
    try:
        started = _moment(drift["started"])
        # Early versions did not write when a run finished.
        finished = drift.get("finished")
        ended = _moment(finished) if finished else started + timedelta(seconds=float(drift["duration_seconds"]))
        return from_plain(RecordedRun, {**drift, "started": started, "finished": ended})
    except (LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not a run: {error!r}") from None


def _moment(written: Any) -> datetime:
    moment = read_instant(written, UTC)
    if moment is None:
        raise ValueError(f"{written!r} is not an instant")
    return moment


def _refuse_half(rate: float | None, interval: Interval | None) -> None:
    if (rate is None) is not (interval is None):
        raise ValueError("a rate and its interval come together")


def setting_value(recorded: str) -> str:
    """Return the value of a recorded setting without its source, as `3` of `3 (/srv/a (b)/pytest.ini)`."""
    depth = 0
    for place in range(len(recorded) - 1, 0, -1):
        depth += (recorded[place] == ")") - (recorded[place] == "(")
        if not depth:
            return recorded[:place].removesuffix(" ")
    return recorded
