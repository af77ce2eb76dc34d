"""What a criterion is, and what became of one check of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from drift_checks.records import RecordId


@dataclass(frozen=True)
class Criterion:
    """A question that a run answers, and when the answer is bad.

    Attributes:
        name: As in its file's name, `test_NAME.py`.
        question: What it asks, in plain words.
        failing: What a record that fails it does, as in "3 of 50 disagree".
        remedy: What to do when it fails.
        warn: A rate below this is WARNING; None for the run's own setting.
        critical: A rate below this is CRITICAL; None for the run's own setting.
        least: Fewer measured records than this are no basis for a verdict.
        without_baseline: Whether records of the baseline are left out of the rate.
        reviewed: Whether it needs the reviewer's decisions.
    """

    name: str
    question: str
    failing: str = "fail"
    remedy: str = ""
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
        for bound in (self.warn, self.critical):
            if bound is not None and not 0 <= bound <= 1:
                raise ValueError(f"warn and critical are rates from 0 to 1, not {bound}")
        if self.warn is not None and self.critical is not None and self.critical > self.warn:
            raise ValueError(f"critical ({self.critical}) lies above warn ({self.warn})")
        if self.least < 0:
            raise ValueError(f"least is a number of records, not {self.least}")
        if not self.question:
            raise ValueError("question is missing: say in plain words what the criterion asks")


class Result(StrEnum):
    """How a check ended; the last is a fault of the check, not of the record."""

    PASSED = "passed"
    FAILED = "failed"
    UNMEASURED = "unmeasured"
    BROKEN = "broken"


@dataclass(frozen=True)
class Statistic:
    """A share of the whole store, from 0 to 1, held against the criterion's thresholds."""

    name: str
    passed: int
    failed: int
    message: str

    @property
    def rate(self) -> float | None:
        """The share that passed, None where there was nothing."""
        total = self.passed + self.failed
        return self.passed / total if total else None


@dataclass(frozen=True)
class Decision:
    """What store and reviewer say of a record; `reviewed` is None where there is no review."""

    stored: str
    stored_confidence: float | None
    reviewed: str | None = None
    reviewed_confidence: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one check; `record_id`, `stratum` and `decision` are of checks of a record."""

    criterion: str
    result: Result
    message: str = ""
    record_id: RecordId | None = None
    stratum: str | None = None
    decision: Decision | None = None
    statistics: tuple[Statistic, ...] = ()

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
        values["statistics"] = tuple(Statistic(**item) for item in plain["statistics"])
        return cls(**values)
