"""What a run is: the facts, the result of each criterion, and the verdict.

The parts that report.json and the history record as well are declared in `history/recorded.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from drift_checks.core.outcomes import AGREEMENT, Criterion, Outcome, Result, Statistic
from drift_checks.core.records import RecordId
from drift_checks.report.acknowledgements import NOTHING_ACKNOWLEDGED, Acknowledged, Acknowledgement
from drift_checks.report.coverage import Coverage
from drift_checks.report.details import Details
from drift_checks.report.history.accuracy import Accuracy
from drift_checks.report.history.agreement_change import AgreementChange
from drift_checks.report.history.recorded import Agreement, RecordedRun, ReviewerFacts, SampleFacts, StoreFacts
from drift_checks.report.verdict import Verdict, severity
from drift_checks.reviews.labels.predictions import LabelPredictions
from drift_checks.settings.declarations import POPULATION
from drift_checks.statistics.intervals import Estimate, Interval, wilson


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was reviewed and how; fields named like a setting hold its value.

    Attributes:
        judged: The strata whose agreement is compared with the thresholds.
        chosen: Whether the user named the records, so that they are not a random sample.
        comparable_confidence: Whether the reviewer's confidence is on the store's scale.
        partial: Whether it ran only some criteria or records.
        coverage: How much of the sample and of the criteria was checked.
        interrupted: How far the run came before it was interrupted.
        predictions: How probable all labels of the store are; None if they were not assessed.
        accuracy: What people's judgements say; None without any.
        resumable: Whether missing reviews can be made later.
        found: What was found in the store because the user did not name it.
        repeat: The command that repeats the run.
        repeat_record: The command that repeats the run for one record, whose id is to be appended.
        record_url: The address of a record in the user's own system, in which `{id}` stands for its id.
        settings: The settings that were set, each with its source.
        versions: The versions of libraries.
    """

    run_id: str
    started: str
    finished: str = ""
    store: StoreFacts
    sample: SampleFacts
    reviewer: ReviewerFacts
    judged: list[str]
    chosen: bool
    comparable_confidence: bool
    warn: float
    critical: float
    min_reviewed: float
    demo: bool
    partial: bool
    decision: str = "point"
    judge: str = POPULATION
    error_rate: float = 0.01
    coverage: Coverage = field(default_factory=Coverage)
    interrupted: str | None = None
    predictions: LabelPredictions | None = None
    accuracy: Accuracy | None = None
    resumable: bool = False
    redacted: bool = False
    second_reviewers: tuple[ReviewerFacts, ...] = ()
    found: tuple[str, ...] = ()
    repeat: str = ""
    repeat_record: str = ""
    record_url: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JudgedStatistic:
    """A statistic with its verdict, None if there was nothing to judge.

    `adjusted_p_value` allows for the number of tests in the run; None if chance plays no part.
    """

    statistic: Statistic
    verdict: Verdict | None
    adjusted_p_value: float | None = None


@dataclass(frozen=True)
class CriterionResult:
    """The result of a criterion; without a verdict it was not measured, and `message` says why.

    It counts records, or statistics if it judges those.

    Attributes:
        not_needed: Records that were not reviewed because the decision was clear without them.
        estimate: Replaces the rate if the whole store is judged.
        known: Records that failed and are acknowledged; they are in no other count.
        acknowledged: The acknowledgement of the verdict, which then does not count in the run's verdict.
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
        """Its share in the run's verdict: OK if it is acknowledged, or if all its reviewed records are."""
        only_known = self.verdict is None and self.known and not self.measured
        return Verdict.OK if self.acknowledged or only_known else self.verdict

    @property
    def measured(self) -> int:
        """The number of records or statistics that were measured."""
        return self.passed + self.failed

    @property
    def rate(self) -> float | None:
        """The share that passed; None if statistics are judged."""
        if self.estimate is not None:
            return self.estimate.rate
        return self.passed / self.measured if self.measured and not self.criterion.effect else None

    @property
    def interval(self) -> Interval | None:
        """The rate's 95 % interval: Wilson's or the estimate's."""
        if self.estimate is not None:
            return self.estimate.interval
        return None if self.rate is None else wilson(self.passed, self.measured)

    @property
    def effect(self) -> float | None:
        """The largest of its effects; None if records are judged."""
        values = [item.statistic.value for item in self.statistics if item.statistic.value is not None]
        return max(values) if values and self.criterion.effect else None


@dataclass(frozen=True)
class RunReport:
    """A judged run.

    `details` describe the records that disagree, failed or were not reviewed; `past` are the store's earlier runs,
    oldest first; `agreement_changes` are the nights since which agreement is different, in their order; `exit_reason`
    explains an exit code that is not the verdict's; `label_texts` are the texts of records whose labels are probably
    wrong, and of the nearest ones.
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
    agreement_changes: tuple[AgreementChange, ...] = ()
    acknowledged: Acknowledged = NOTHING_ACKNOWLEDGED
    exit_reason: str = ""
    label_texts: Mapping[RecordId, str] = field(default_factory=dict)

    @property
    def criteria_worst_first(self) -> list[CriterionResult]:
        """The criteria by their share in the verdict, acknowledged ones before those that are OK, then by name."""
        return sorted(
            self.criteria, key=lambda item: (severity(item.counts_as), item.acknowledged is None, item.criterion.name)
        )

    @cached_property
    def disagreements(self) -> list[Outcome]:
        """The records on which store and reviewer disagree, without acknowledged ones."""
        return [item for item in self.outcomes if item.criterion == AGREEMENT and item.result is Result.FAILED]

    @cached_property
    def known(self) -> list[Outcome]:
        """The acknowledged disagreements."""
        return [item for item in self.outcomes if item.result is Result.ACKNOWLEDGED]

    @cached_property
    def not_reviewed(self) -> list[Outcome]:
        """The records without a review, each with the reason."""
        unmeasured = [item for item in self.outcomes if item.result is Result.UNMEASURED]
        return [item for item in unmeasured if item.criterion == AGREEMENT and item.record_id is not None]

    @cached_property
    def other_failures(self) -> list[Outcome]:
        """The records, and the checks of the whole store, that failed a criterion other than agreement."""
        return [item for item in self.outcomes if item.criterion != AGREEMENT and item.result is Result.FAILED]
