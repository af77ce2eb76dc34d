"""What a run has to say: what was reviewed and how, what each criterion came to, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drift_checks.core.outcomes import AGREEMENT, Criterion, Outcome, Result, Statistic
from drift_checks.core.records import RecordId
from drift_checks.report.acknowledgements import NOTHING_ACKNOWLEDGED, Acknowledged, Acknowledgement
from drift_checks.report.details import Details
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.verdict import Verdict, severity
from drift_checks.statistics.intervals import Estimate, Interval, wilson


@dataclass(frozen=True)
class Reviewing:
    """What came of asking the reviewer; None for what it does not say.

    Attributes:
        reviews: Records that it decided.
        failed: Records that it was asked about in vain.
        not_asked: Records for which there was no budget, or no reviewer that answered.
        calls: How often it was called, in vain, for retries and for repeats included.
        input_tokens: Of all calls.
        output_tokens: Of all calls.
        cost: Of all calls.
        median_seconds: How long a call took.
        slowest_seconds: How long the slowest took.
        models: The models that answered, as they name themselves.
        repeated: Records that it decided twice.
        differed: Those of them on which it disagreed with itself.
    """

    reviews: int = 0
    failed: int = 0
    not_asked: int = 0
    calls: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    median_seconds: float | None = None
    slowest_seconds: float | None = None
    models: Sequence[str] = ()
    repeated: int = 0
    differed: int = 0

    @property
    def difference_rate(self) -> float | None:
        """The share of the records decided twice on which it disagreed with itself."""
        return self.differed / self.repeated if self.repeated else None

    @property
    def difference_interval(self) -> Interval | None:
        """The 95 % Wilson interval of that share."""
        return wilson(self.differed, self.repeated)


@dataclass(frozen=True)
class Facts:
    """What was reviewed and how, in plain values that cross from process to process.

    `sizes` counts the store's records by stratum, `drawn` the sample's; `judged` names the strata whose
    agreement is held against the thresholds; `chosen` records were named by the user, not drawn; `interrupted` says
    how far the run came, where it was told to stop; a `resumable` run's missing reviews may come at another time.
    The `decision` is by `point` or `sequential`, on the rate of the `sample` or of the `population` (`judge`);
    `error_rate` bounds the chance that any test of the run accuses a store in which nothing changed.
    `store_versions` are those of the records that came last: `model_version`, `prompt_version`, `embedding_model`.
    It `finished` when it was judged. A `redacted` report holds no text of a record. `repeat` is the command that makes
    the same run again; `repeat_record`, with a record's id at its end, the one for this record alone.
    """

    run_id: str
    started: str
    db: str
    table: str
    records: int
    chroma: str | None
    collection: str
    vectors: int | None
    sizes: dict[str, int]
    drawn: dict[str, int]
    judged: list[str]
    chosen: bool
    record_ids: list[RecordId]
    seed: int
    as_of: str
    naive_timezone: str
    reviewer: str
    model: str | None
    prompt: str | None
    comparable_confidence: bool
    reviewing: Reviewing
    warn: float
    critical: float
    min_reviewed: float
    demo: bool
    partial: bool
    decision: str = "point"
    judge: str = "sample"
    error_rate: float = 0.01
    interrupted: str | None = None
    resumable: bool = False
    store_versions: dict[str, str] = field(default_factory=dict)
    finished: str = ""
    redacted: bool = False
    repeat: str = ""
    repeat_record: str = ""
    notes: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JudgedStatistic:
    """A statistic and its verdict, None where there was nothing to judge.

    `adjusted_p_value` takes into account how many tests the run made; None where no chance is involved.
    """

    statistic: Statistic
    verdict: Verdict | None
    adjusted_p_value: float | None = None


@dataclass(frozen=True)
class CriterionResult:
    """What a criterion came to; without a verdict it was not measured, and `message` says why.

    `passed`, `failed` and `unmeasured` count records, or the statistics of a criterion that judges those; `not_needed`
    the records that were not asked about, `known` those that failed and are acknowledged, which count for nothing.
    `estimate` stands in for the rate where that of the whole store is judged. An `acknowledged` criterion has a verdict
    that somebody knows about: it does not count in that of the run.
    """

    criterion: Criterion
    verdict: Verdict | None
    passed: int
    failed: int
    unmeasured: int
    warn: float
    critical: float | None
    message: str
    statistics: tuple[JudgedStatistic, ...] = ()
    not_needed: int = 0
    estimate: Estimate | None = None
    known: int = 0
    acknowledged: Acknowledgement | None = None

    @property
    def counts_as(self) -> Verdict | None:
        """What it adds to the verdict of the run: OK where it is acknowledged, or all that was reviewed is."""
        only_known = self.verdict is None and self.known and not self.measured
        return Verdict.OK if self.acknowledged or only_known else self.verdict

    @property
    def measured(self) -> int:
        """How many records were measured, or how many statistics."""
        return self.passed + self.failed

    @property
    def rate(self) -> float | None:
        """The share that passed; None where statistics are judged."""
        if self.estimate is not None:
            return self.estimate.rate
        return self.passed / self.measured if self.measured and not self.criterion.effect else None

    @property
    def interval(self) -> Interval | None:
        """The rate's 95 % interval: Wilson's, or the estimate's."""
        if self.estimate is not None:
            return self.estimate.interval
        return None if self.rate is None else wilson(self.passed, self.measured)

    @property
    def effect(self) -> float | None:
        """The largest of its effects; None where records are judged."""
        values = [item.statistic.value for item in self.statistics if item.statistic.value is not None]
        return max(values) if values and self.criterion.effect else None


@dataclass(frozen=True)
class Agreement:
    """How far store and reviewer agree, on the sample without its baseline, and as estimated of the whole store.

    Without an estimate `population_missing` says why. With one, `population_without` names the strata that it leaves
    out, since everything that was reviewed of them is acknowledged. `acknowledged` counts the disagreements of the
    sample that are known, which are in no other figure.
    """

    agreed: int
    reviewed: int
    confidence_change: float | None
    population: Estimate | None
    population_missing: str = ""
    population_without: Sequence[str] = ()
    acknowledged: int = 0

    @property
    def rate(self) -> float | None:
        """The share of the reviewed records on which they agree."""
        return self.agreed / self.reviewed if self.reviewed else None

    @property
    def interval(self) -> Interval | None:
        """The rate's 95 % Wilson interval."""
        return wilson(self.agreed, self.reviewed)


@dataclass(frozen=True)
class RunReport:
    """Everything that a run has to say.

    `details` tells of the records that disagree, failed or were not reviewed; `past` are the earlier runs of the store,
    oldest first; `acknowledged` is what somebody knows about.
    """

    facts: Facts
    duration_seconds: float
    verdict: Verdict
    exit_code: int
    agreement: Agreement
    criteria: tuple[CriterionResult, ...]
    outcomes: tuple[Outcome, ...]
    details: Mapping[RecordId, Details] = field(default_factory=dict)
    past: tuple[RecordedRun, ...] = ()
    acknowledged: Acknowledged = NOTHING_ACKNOWLEDGED

    @property
    def criteria_worst_first(self) -> list[CriterionResult]:
        """The criteria as they count, those that are acknowledged ahead of those that are OK, then by name."""
        return sorted(
            self.criteria,
            key=lambda item: (severity(item.counts_as), item.acknowledged is None, item.criterion.name),
        )

    @property
    def disagreements(self) -> list[Outcome]:
        """The records on which store and reviewer disagree, those left out that are acknowledged."""
        return [item for item in self.outcomes if item.criterion == AGREEMENT and item.result is Result.FAILED]

    @property
    def known(self) -> list[Outcome]:
        """The disagreements of which somebody knows."""
        return [item for item in self.outcomes if item.result is Result.ACKNOWLEDGED]

    @property
    def not_reviewed(self) -> list[Outcome]:
        """The records that the reviewer did not decide, each with the reason."""
        unmeasured = [item for item in self.outcomes if item.result is Result.UNMEASURED]
        return [item for item in unmeasured if item.criterion == AGREEMENT and item.record_id is not None]

    @property
    def other_failures(self) -> list[Outcome]:
        """The records that failed another criterion, and the checks of the whole store that did."""
        return [item for item in self.outcomes if item.criterion != AGREEMENT and item.result is Result.FAILED]
