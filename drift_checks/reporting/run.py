"""The report of a run: facts and outcomes in, counts, rates, intervals and the verdict out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isclose
from statistics import fmean

from drift_checks.records import RecordId, Stratum
from drift_checks.reporting.outcome import Criterion, Outcome, Result, Statistic
from drift_checks.reporting.phrases import count, percent, percent_range
from drift_checks.reporting.verdict import EXIT_INTERNAL_ERROR, EXIT_INTERRUPTED, Verdict, judge, worst
from drift_checks.statistics.intervals import Estimate, Interval, StratumCount, stratified, wilson

AGREEMENT = "agreement"


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
    interrupted: str | None = None
    resumable: bool = False
    notes: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CriterionResult:
    """What a criterion came to; without a verdict it was not measured, and `message` says why."""

    criterion: Criterion
    verdict: Verdict | None
    passed: int
    failed: int
    unmeasured: int
    warn: float
    critical: float
    message: str
    statistics: tuple[Statistic, ...] = ()

    @property
    def measured(self) -> int:
        """How many records were measured."""
        return self.passed + self.failed

    @property
    def rate(self) -> float | None:
        """The share of the measured records that passed."""
        return self.passed / self.measured if self.measured else None

    @property
    def interval(self) -> Interval | None:
        """The rate's 95 % Wilson interval."""
        return wilson(self.passed, self.measured)


@dataclass(frozen=True)
class Agreement:
    """How far store and reviewer agree, on the sample without its baseline, and as estimated of the whole store."""

    agreed: int
    reviewed: int
    confidence_change: float | None
    population: Estimate | None

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
    """Everything that a run has to say."""

    facts: Facts
    duration_seconds: float
    verdict: Verdict
    exit_code: int
    agreement: Agreement
    criteria: tuple[CriterionResult, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def disagreements(self) -> list[Outcome]:
        """The records on which store and reviewer disagree."""
        return [item for item in self.outcomes if item.criterion == AGREEMENT and item.result is Result.FAILED]

    @property
    def not_reviewed(self) -> list[Outcome]:
        """The records that the reviewer did not decide, each with the reason."""
        unmeasured = [item for item in self.outcomes if item.result is Result.UNMEASURED]
        return [item for item in unmeasured if item.criterion == AGREEMENT and item.record_id is not None]

    @property
    def other_failures(self) -> list[Outcome]:
        """The records that failed another criterion."""
        return [item for item in self.outcomes if item.criterion != AGREEMENT and item.result is Result.FAILED]


def build_report(
    facts: Facts, criteria: Sequence[Criterion], outcomes: Sequence[Outcome], duration_seconds: float
) -> RunReport:
    """Judge a run.

    Args:
        facts: What was reviewed and how.
        criteria: The criteria of which checks were run.
        outcomes: What became of the checks.
        duration_seconds: How long the run took.
    """
    results = tuple(
        judge_criterion(criterion, [item for item in outcomes if item.criterion == criterion.name], facts)
        for criterion in criteria
    )
    verdict = worst(result.verdict for result in results)
    broken = any(item.result is Result.BROKEN for item in outcomes)
    exit_code = EXIT_INTERNAL_ERROR if broken and verdict is not Verdict.CRITICAL else verdict.exit_code
    if facts.interrupted is not None:
        verdict, exit_code = Verdict.INCONCLUSIVE, EXIT_INTERRUPTED
    return RunReport(
        facts,
        duration_seconds,
        verdict,
        exit_code,
        summarise_agreement(facts, outcomes),
        results,
        tuple(outcomes),
    )


def judge_criterion(criterion: Criterion, outcomes: Sequence[Outcome], facts: Facts) -> CriterionResult:
    """Count a criterion's outcomes and hold them against its thresholds."""
    counted = [item for item in _countable(outcomes) if _counts(criterion, item, facts)]
    tally = Counter(item.result for item in counted)
    passed, failed = tally[Result.PASSED], tally[Result.FAILED]
    unmeasured = len(counted) - passed - failed
    warn = facts.warn if criterion.warn is None else criterion.warn
    critical = facts.critical if criterion.critical is None else criterion.critical
    statistics = tuple(statistic for item in outcomes for statistic in item.statistics)
    verdict, message = _conclude(criterion, passed, failed, unmeasured, (warn, critical), facts)
    if any(item.result is Result.BROKEN for item in outcomes):
        verdict = verdict if verdict is Verdict.CRITICAL else Verdict.INCONCLUSIVE
        message = f"the check itself broke; {message}"
    elif verdict is Verdict.INCONCLUSIVE or not passed + failed + len(statistics):
        message = f"{message}: {_reasons(outcomes)}"
    verdicts = [judge(item.rate, warn, critical) for item in statistics if item.rate is not None]
    if verdicts:
        verdict = worst([verdict, *verdicts])
        message = f"{message}; in the whole store {', '.join(item.message for item in statistics)}"
    return CriterionResult(criterion, verdict, passed, failed, unmeasured, warn, critical, message, statistics)


def summarise_agreement(facts: Facts, outcomes: Sequence[Outcome]) -> Agreement:
    """Count on how many of the judged records store and reviewer agree, and estimate the whole store."""
    made = [
        item
        for item in outcomes
        if item.criterion == AGREEMENT and item.result in (Result.PASSED, Result.FAILED) and item.stratum is not None
    ]
    judged = [item for item in made if item.stratum in facts.judged]
    changes = [
        item.decision.reviewed_confidence - item.decision.stored_confidence
        for item in judged
        if item.decision
        and item.decision.reviewed_confidence is not None
        and item.decision.stored_confidence is not None
    ]
    by_stratum = [
        StratumCount(
            facts.sizes.get(stratum, 0),
            sum(item.stratum == stratum for item in made),
            sum(item.stratum == stratum and item.result is Result.PASSED for item in made),
        )
        for stratum in Stratum
    ]
    return Agreement(
        agreed=sum(item.result is Result.PASSED for item in judged),
        reviewed=len(judged),
        confidence_change=fmean(changes) if changes and facts.comparable_confidence else None,
        population=None if facts.chosen else stratified(by_stratum),
    )


def _countable(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Leave out shares of the whole store, and beside checks of records what was not measured of anything else."""
    of_records = any(item.record_id is not None for item in outcomes)
    return [
        item
        for item in outcomes
        if item.record_id is not None or not (item.statistics or (of_records and item.result is Result.UNMEASURED))
    ]


def _counts(criterion: Criterion, outcome: Outcome, facts: Facts) -> bool:
    return not criterion.without_baseline or outcome.stratum is None or outcome.stratum in facts.judged


def _conclude(
    criterion: Criterion,
    passed: int,
    failed: int,
    unmeasured: int,
    thresholds: tuple[float, float],
    facts: Facts,
) -> tuple[Verdict | None, str]:
    measured = passed + failed
    if (
        criterion.reviewed
        and unmeasured
        and not (measured and _reaches(measured, facts.min_reviewed, measured + unmeasured))
    ):
        return Verdict.INCONCLUSIVE, (
            f"only {measured} of {measured + unmeasured} could be reviewed; {percent(facts.min_reviewed)} are needed"
        )
    if measured < max(1, criterion.least):
        wanted = f", {criterion.least} are needed" if criterion.least > 1 else ""
        return None, f"not measured ({count(measured, 'record')}{wanted})" if wanted else "not measured"
    rate = passed / measured
    lower, upper = wilson(passed, measured) or (rate, rate)
    message = f"{failed:,} of {measured:,} {criterion.failing}, {percent(failed / measured)}"
    if criterion.name == AGREEMENT:
        message += f" (agreement {percent(rate)}, {percent_range(lower, upper)})"
    return judge(rate, *thresholds), message


def _reaches(number: int, share: float, total: int) -> bool:
    # A share such as 0.56 is a little more or less than it says.
    return number > share * total or isclose(number, share * total)


def _reasons(outcomes: Sequence[Outcome]) -> str:
    reasons = Counter(item.message for item in outcomes if item.result is Result.UNMEASURED)
    return "; ".join(reason for reason, _ in reasons.most_common(3)) or "no record was checked"
