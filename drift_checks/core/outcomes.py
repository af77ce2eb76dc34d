"""What a criterion is, and what became of one check of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from math import inf
from typing import Any

from drift_checks.core.records import RecordId

AGREEMENT = "agreement"
# Each version that a decision depends on, and its name in a sentence.
VERSION_WORDS = {
    "model_version": "model of the store",
    "prompt_version": "prompt of the store",
    "embedding_model": "embedding model of the store",
    "reviewer": "reviewer",
    "reviewer_model": "model of the reviewer",
    "reviewer_prompt": "prompt of the reviewer",
}


@dataclass(frozen=True)
class Criterion:
    """A question that a run answers, and when the answer is bad.

    Attributes:
        name: As in its file's name, `test_NAME.py`.
        question: What it asks, in plain words.
        failing: What a record that fails it does, as in "3 of 50 disagree".
        remedy: What to do when it fails.
        effect: What its statistics measure, as in "PSI", where it judges statistics and not the share of records that
            pass: the larger, the worse.
        warn: A rate below this is WARNING, or an effect above it; None for the run's own setting.
        critical: A rate below this is CRITICAL, None for the run's own setting; or an effect above it, None for never.
        least: Fewer measured records than this are no basis for a verdict, or for a statistic.
        without_baseline: Whether records of the baseline are left out of the rate.
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
        """Refuse a declaration that could not be judged.

        Raises:
            ValueError: With the reason.
        """
        if self.effect:
            self._refuse_effect_bounds()
        else:
            self._refuse_rate_bounds()
        if self.least < 0:
            raise ValueError(f"least is a number of records, not {self.least}")
        if not self.question:
            raise ValueError("question is missing: say in plain words what the criterion asks")

    def _refuse_rate_bounds(self) -> None:
        for bound in (self.warn, self.critical):
            if bound is not None and not 0 <= bound <= 1:
                raise ValueError(f"warn and critical are rates from 0 to 1, not {bound}")
        if self.warn is not None and self.critical is not None and self.critical > self.warn:
            raise ValueError(f"critical ({self.critical}) lies above warn ({self.warn})")

    def _refuse_effect_bounds(self) -> None:
        if self.warn is None or not 0 <= self.warn < inf:
            raise ValueError(f"with an effect ({self.effect}), warn is the number from 0 above which it is WARNING")
        if self.critical is not None and not self.warn <= self.critical < inf:
            raise ValueError(f"critical ({self.critical}) lies below warn ({self.warn}), and a larger effect is worse")


class Result(StrEnum):
    """How a check ended.

    ACKNOWLEDGED is a record that failed, and of which somebody knows; NOT_NEEDED one that was not asked about, since
    the decision was taken without it; BROKEN a fault of the check, not of the record.
    """

    PASSED = "passed"
    FAILED = "failed"
    ACKNOWLEDGED = "acknowledged"
    UNMEASURED = "unmeasured"
    NOT_NEEDED = "not_needed"
    BROKEN = "broken"


@dataclass(frozen=True)
class Statistic:
    """A figure held against the criterion's thresholds: an effect, or a share of the whole store from 0 to 1.

    Attributes:
        name: What it is of, as in "class mix" or "category=fraud".
        message: What it says, as a phrase.
        value: The effect or the share; None where there was nothing to measure.
        number: How many records it rests on.
        p_value: How often chance alone does as much; None where no chance is involved.
        interval: Of the value, at 95 %.
        passed: Of a share, the records that hold.
        failed: Of a share, those that do not.
        details: What a picture of it needs, in plain values.
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

    @classmethod
    def share(cls, name: str, passed: int, failed: int, message: str) -> Statistic:
        """Return the share of the whole store that passed."""
        number = passed + failed
        return cls(name, message, passed / number if number else None, number, passed=passed, failed=failed)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Statistic:
        """Return the statistic of which `asdict` made this."""
        interval = plain["interval"]
        return cls(**{**plain, "interval": None if interval is None else (interval[0], interval[1])})


@dataclass(frozen=True)
class Decision:
    """What store and reviewer say of a record; `reviewed` is None where there is no review."""

    stored: str
    stored_confidence: float | None
    reviewed: str | None = None
    reviewed_confidence: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one check; `record_id`, `stratum` and `decision` are of checks of a record.

    `check` names it as pytest does.
    """

    criterion: str
    result: Result
    message: str = ""
    record_id: RecordId | None = None
    stratum: str | None = None
    decision: Decision | None = None
    statistics: tuple[Statistic, ...] = ()
    check: str = ""

    def as_plain(self) -> dict[str, Any]:
        """Return the outcome as plain dicts, strings and numbers, to cross from process to process."""
        return {
            **asdict(self),
            "result": str(self.result),
            "statistics": [asdict(item) for item in self.statistics],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Outcome:
        """Return the outcome that `as_plain` made this of."""
        values = {item.name: plain[item.name] for item in fields(cls)}
        values["result"] = Result(plain["result"])
        values["decision"] = Decision(**plain["decision"]) if plain["decision"] else None
        values["statistics"] = tuple(Statistic.from_plain(item) for item in plain["statistics"])
        return cls(**values)


@dataclass(frozen=True)
class PastRun:
    """What a finished run of the whole review found of agreement."""

    run_id: str
    agreed: int
    reviewed: int
