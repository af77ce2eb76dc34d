"""What an alert says, before any channel gives it a form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from drift_checks.core.records import RecordId
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.intervals import Interval


class Kind(StrEnum):
    """Why a message is sent.

    CHANGE is another verdict than the last that was told; REMINDER the same one, still; RECOVERY none worth telling
    any more; ENDED that acknowledgements have ended, beside a verdict that was told; TEST a trial of the channel.
    """

    CHANGE = "change"
    REMINDER = "reminder"
    RECOVERY = "recovery"
    ENDED = "ended"
    TEST = "test"


class Incident(StrEnum):
    """What a message is about: the store's drift, or that its reviews do not come about."""

    DRIFT = "drift"
    REVIEW_UNAVAILABLE = "review_unavailable"


@dataclass(frozen=True)
class CriterionLine:
    """A criterion that is worse than OK: its verdict, what it came to and what to do."""

    name: str
    verdict: Verdict
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class DisagreementLine:
    """A record that the reviewer decided otherwise; `text` is its beginning, None where texts are withheld."""

    record_id: RecordId
    stored: str
    reviewed: str
    stored_confidence: float | None
    reviewed_confidence: float | None
    text: str | None = None


@dataclass(frozen=True)
class Message:
    """What an alert says; of plain values, so that it can be kept until it has arrived.

    Every text in it may come from a store or a model: whatever it holds, each channel makes it harmless, and short
    enough for its own limits.

    Attributes:
        kind: Why it is sent.
        incident: What it is about.
        verdict: Of the run.
        before: The verdict that was told last, None where there was none.
        confirmed: Whether a CRITICAL verdict is more than chance may do in a single night.
        headline: Verdict, store and agreement in one line, as in "CRITICAL · risk.db · 33 of 50 agree (66 %, …)".
        store_key: Stable for the store, of letters, digits and `-` only.
        db: The store's SQLite file.
        table: Its table.
        collection: Its collection.
        host: Where the run was made.
        run_id: Of the run.
        started: When the run began, ISO 8601 in UTC.
        agreed: On how many of the judged records both agree.
        reviewed: How many of them were reviewed.
        rate: Of agreement, None where it was not measured.
        interval: Of the rate, at 95 %.
        population: The estimate of the whole store.
        population_interval: Of the estimate, at 95 %.
        warn: Agreement below it is WARNING.
        critical: Agreement below it is CRITICAL.
        changes: What changed since the run before, a phrase each.
        criteria: The worst criteria, worst first.
        more_criteria: How many others are worse than OK.
        disagreements: The most telling ones first.
        more_disagreements: How many others there are.
        acknowledged: How many records and criteria were left out, since somebody knows about them.
        ended: What is said of acknowledgements that ended, a sentence each.
        repeat: The command that makes the run again.
        report: The path of the HTML report.
        report_url: Its address, None where it is not published.
    """

    kind: Kind
    incident: Incident
    verdict: Verdict
    before: Verdict | None
    confirmed: bool
    headline: str
    store_key: str
    db: str
    table: str
    collection: str
    host: str
    run_id: str
    started: str
    agreed: int
    reviewed: int
    rate: float | None
    interval: Interval | None
    population: float | None
    population_interval: Interval | None
    warn: float
    critical: float
    changes: tuple[str, ...]
    criteria: tuple[CriterionLine, ...]
    more_criteria: int
    disagreements: tuple[DisagreementLine, ...]
    more_disagreements: int
    acknowledged: int
    ended: tuple[str, ...]
    repeat: str
    report: str
    report_url: str | None

    @property
    def disagreed(self) -> int:
        """On how many of the judged records they disagree."""
        return self.reviewed - self.agreed

    def without_texts(self) -> Message:
        """Return the message without what may quote a record: the report, which would be attached, as well."""
        return replace(
            self,
            report="",
            criteria=tuple(replace(item, message="withheld") for item in self.criteria),
            disagreements=tuple(replace(item, text=None) for item in self.disagreements),
        )

    def as_plain(self) -> dict[str, Any]:
        """Return the message as plain dicts, lists, strings and numbers."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Message:
        """Return the message that `as_plain` made this of, by way of JSON too.

        Raises:
            KeyError, TypeError, ValueError: It is none.
        """
        values = {item.name: plain[item.name] for item in fields(cls)}
        return cls(
            **values
            | {
                "kind": Kind(plain["kind"]),
                "incident": Incident(plain["incident"]),
                "verdict": Verdict(plain["verdict"]),
                "before": None if plain["before"] is None else Verdict(plain["before"]),
                "interval": _interval(plain["interval"]),
                "population_interval": _interval(plain["population_interval"]),
                "changes": tuple(plain["changes"]),
                "ended": tuple(plain["ended"]),
                "criteria": tuple(
                    CriterionLine(**{**item, "verdict": Verdict(item["verdict"])}) for item in plain["criteria"]
                ),
                "disagreements": tuple(DisagreementLine(**item) for item in plain["disagreements"]),
            }
        )


def _interval(bounds: Any) -> Interval | None:
    return None if bounds is None else (float(bounds[0]), float(bounds[1]))
