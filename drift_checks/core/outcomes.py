"""Criteria, and the outcome of each check of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Any

from drift_checks.core.records import Record, RecordId, Review

AGREEMENT = "agreement"
# By default, fewer records than this do not make a rate CRITICAL unless its whole interval is.
LEAST_OF_A_RATE = 20
# The types of three fixtures of criteria.
Decisions = Sequence[tuple[Record, Review]]
Need = Callable[..., None]
Measure = Callable[..., None]
# The versions that a decision depends on, and what sentences call them.
VERSION_WORDS = {
    "model_version": "model of the store",
    "prompt_version": "prompt of the store",
    "embedding_model": "embedding model of the store",
    "reviewer": "reviewer",
    "reviewer_model": "model of the reviewer",
    "reviewer_basis": "basis of the comparison",
    "reviewer_prompt": "prompt of the reviewer",
    "reviewer_parameters": "parameters of the reviewer",
}


@dataclass(frozen=True)
class Criterion:
    """A question that a run answers, and when the answer is bad.

    Attributes:
        name: As in its file's name, `test_NAME.py`.
        failing: What a record that fails it does, as in "3 of 50 disagree".
        remedy: What to do if it fails.
        effect: What its statistics measure, as in "PSI"; empty if it judges the share of records that pass. The larger
            an effect, the worse.
        warn: A rate below it is WARNING (None: the setting `warn`), or an effect above it.
        critical: A rate below it is CRITICAL (None: the setting `critical`), or an effect above it (None: never).
        least: The number of records that a statistic needs; a rate of fewer is CRITICAL only if its whole interval is.
        without_baseline: Whether the rate excludes records of the baseline.
        reviewed: Whether it needs the reviewer's decisions.
    """

    name: str
    question: str
    failing: str = "fail"
    remedy: str = ""
    effect: str = ""
    warn: float | None = None
    critical: float | None = None
    least: int = 1
    without_baseline: bool = False
    reviewed: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a declaration that cannot be judged."""
        if self.effect:
            self._refuse_effect_bounds()
        else:
            self._refuse_rate_bounds()
        if self.least < 0:
            raise ValueError(f"least must be a number of records, not {self.least}")
        if not self.question:
            raise ValueError("question is missing: say in plain words what the criterion asks")

    def _refuse_rate_bounds(self) -> None:
        for bound in (self.warn, self.critical):
            if bound is not None and not 0 <= bound <= 1:
                raise ValueError(f"warn and critical must be rates from 0 to 1, not {bound}")
        if self.warn is not None and self.critical is not None and self.critical > self.warn:
            raise ValueError(f"critical ({self.critical}) must not be above warn ({self.warn})")

    def _refuse_effect_bounds(self) -> None:
        if self.warn is None or not 0 <= self.warn < inf:
            raise ValueError(
                f"with an effect ({self.effect}), warn must be a number from 0: a larger effect is WARNING"
            )
        if self.critical is not None and not self.warn <= self.critical < inf:
            raise ValueError(
                f"critical ({self.critical}) must not be below warn ({self.warn}): a larger effect is worse"
            )


class Result(StrEnum):
    """The result of a check.

    ACKNOWLEDGED: it failed, and the disagreement is acknowledged. NOT_NEEDED: the record was not reviewed, because the
    decision was clear without it. BROKEN: the check itself is at fault, not the record.
    """

    PASSED = "passed"
    FAILED = "failed"
    ACKNOWLEDGED = "acknowledged"
    UNMEASURED = "unmeasured"
    NOT_NEEDED = "not_needed"
    BROKEN = "broken"


@dataclass(frozen=True)
class Statistic:
    """A figure that is compared with a criterion's thresholds: an effect, or a share of the whole store from 0 to 1.

    Attributes:
        name: What it measures, as in "class mix" or "category=fraud".
        value: The effect or the share; None if there was nothing to measure.
        number: The number of records behind it; `passed` and `failed` divide those of a share.
        p_value: The probability of such a value without any change; None if chance plays no part.
        interval: The 95 % interval of the value.
        details: The data of its chart, in plain values.
        family: The statistics of a criterion among which chance is corrected for; another family hardly weakens them.
    """

    name: str
    message: str
    value: float | None
    number: int = 0
    p_value: float | None = None
    interval: tuple[float, float] | None = None
    passed: int | None = None
    failed: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""

    @classmethod
    def share(cls, name: str, passed: int, failed: int, message: str) -> Statistic:
        """Return the share of the whole store that passed."""
        number = passed + failed
        return cls(name, message, passed / number if number else None, number, passed=passed, failed=failed)


@dataclass(frozen=True)
class Decision:
    """The categories of a record in the store and by the reviewer; `reviewed` is None without a review."""

    stored: str
    stored_confidence: float | None
    reviewed: str | None = None
    reviewed_confidence: float | None = None


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check; `record_id`, `stratum` and `decision` only if it checked a record.

    `check` is pytest's id of the test. An outcome is `unreadable` if the store could not be read, as during a lock.
    """

    criterion: str
    result: Result
    message: str = ""
    record_id: RecordId | None = None
    stratum: str | None = None
    decision: Decision | None = None
    statistics: tuple[Statistic, ...] = ()
    check: str = ""
    unreadable: bool = False


@dataclass(frozen=True)
class PastRun:
    """The agreement that an earlier run of the whole review found."""

    run_id: str
    agreed: int
    reviewed: int
