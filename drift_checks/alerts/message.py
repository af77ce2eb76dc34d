"""What an alert says, before a channel gives it a form: about a run, about a review that failed, or as a test."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from drift_checks.core.outcomes import Outcome
from drift_checks.core.records import RecordId
from drift_checks.core.text import printable, visible
from drift_checks.report.certainty import is_confirmed
from drift_checks.report.changes import changes_since, store_of
from drift_checks.report.folder import PAGE
from drift_checks.report.headline import reason
from drift_checks.report.outside import outside_in_words
from drift_checks.report.run import RunReport
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.intervals import Interval
from drift_checks.stores.identity import StoreIdentity

_TRY_AGAIN = "Check the reviewer; the same command with --drift-resume makes only the missing reviews."
_MOST_CRITERIA, _MOST_DISAGREEMENTS = 3, 5
_LONGEST_TEXT, _LONGEST_SENTENCE, _LONGEST_NAME = 300, 400, 120


class Kind(StrEnum):
    """Why a message is sent.

    CHANGE: the verdict differs from the one sent last; REMINDER: it is still the same; RECOVERY: nothing is left to
    alert about; ENDED: an acknowledgement ended while the verdict stayed; TEST: somebody tries the channel.
    """

    CHANGE = "change"
    REMINDER = "reminder"
    RECOVERY = "recovery"
    ENDED = "ended"
    TEST = "test"


class Incident(StrEnum):
    """What a message is about: drift in the store, or reviews that fail."""

    DRIFT = "drift"
    REVIEW_UNAVAILABLE = "review_unavailable"


@dataclass(frozen=True)
class CriterionLine:
    """A criterion that is worse than OK: its verdict, its message and what to do."""

    name: str
    verdict: Verdict
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class DisagreementLine:
    """A record on which store and reviewer disagree; `text` is its beginning, None if texts are withheld."""

    record_id: RecordId
    stored: str
    reviewed: str
    stored_confidence: float | None
    reviewed_confidence: float | None
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class Message:
    """What an alert says.

    Any text in it may come from a store or a model: each channel makes it harmless and fits it to its own limits.
    `before` is the verdict sent last, if any; a CRITICAL is `confirmed` if it is more than chance may do in one night.
    `store_key` is stable for the store, of letters and digits; `started` is when the run began, ISO 8601 in UTC;
    `repeat` is the command that repeats it, `report` the path of its HTML report or empty. `agreed` and `reviewed`
    count the judged records, and the `rate` is None if it was not measured; intervals are at 95 %. With `by_estimate`,
    the estimate of the whole store, `population`, is compared with the thresholds in place of the rate. `changes` are
    phrases on what changed since the previous run, `ended` sentences on acknowledgements that ended; criteria come
    worst first, disagreements with the highest confidence first; `acknowledged` counts what is left out, and `outside`
    says which answers are outside the store's categories.
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
    repeat: str
    report: str
    report_url: str | None
    agreed: int = 0
    reviewed: int = 0
    rate: float | None = None
    interval: Interval | None = None
    by_estimate: bool = False
    population: float | None = None
    population_interval: Interval | None = None
    warn: float = 0.0
    critical: float = 0.0
    changes: tuple[str, ...] = ()
    criteria: tuple[CriterionLine, ...] = ()
    more_criteria: int = 0
    disagreements: tuple[DisagreementLine, ...] = ()
    more_disagreements: int = 0
    acknowledged: int = 0
    outside: str = ""
    ended: tuple[str, ...] = ()

    @property
    def disagreed(self) -> int:
        """How many of the reviewed records disagree."""
        return self.reviewed - self.agreed

    def sent_as(self, kind: Kind, incident: Incident, before: Verdict | None) -> Message:
        """Return the message as sent for this reason, with which its headline begins; `before` was sent last."""
        headline = self.headline
        if kind is Kind.REMINDER:
            headline = f"Still {headline}"
        elif kind is Kind.ENDED:
            headline = f"Acknowledgement ended · {headline}"
        elif kind is Kind.RECOVERY and self.verdict is Verdict.OK:
            headline = f"OK again{headline.removeprefix(Verdict.OK)}"
        elif kind is Kind.RECOVERY:
            headline = f"No longer {before}: {headline}"
        return replace(self, kind=kind, incident=incident, before=before, headline=headline)

    def without_texts(self) -> Message:
        """Return the message without anything that may quote a record, the attached report included."""
        return replace(
            self,
            report="",
            criteria=tuple(replace(item, message="withheld") for item in self.criteria),
            disagreements=tuple(replace(item, text=None) for item in self.disagreements),
        )


def run_message(report: RunReport, page: Path, report_url: str | None) -> Message:
    """Return the message about a run; `report_url` is the address under which the reports folder is published."""
    facts, agreement, population = report.facts, report.agreement, report.agreement.population
    criteria = tuple(_criteria(report))
    disagreements = sorted(report.disagreements, key=_confidence, reverse=True)
    ended = tuple(printable(sentence, _LONGEST_SENTENCE) for _, sentence in report.acknowledged.ended)
    changes = changes_since(report.past[-1], report).sentences() if report.past else []
    return replace(
        _base(store_of(report), facts.run_id, facts.started, report.verdict, reason(report)),
        verdict=report.verdict,
        confirmed=is_confirmed(report),
        repeat=_unicode(facts.repeat),
        report=_unicode(str(page)),
        report_url=f"{report_url}/{facts.run_id}/{PAGE}" if report_url else None,
        agreed=agreement.agreed,
        reviewed=agreement.reviewed,
        rate=agreement.rate,
        interval=agreement.interval,
        by_estimate=any(result.estimate is not None for result in report.criteria),
        population=population.rate if population else None,
        population_interval=population.interval if population else None,
        warn=facts.warn,
        critical=facts.critical,
        changes=(*ended, *map(visible, changes)),
        criteria=criteria[:_MOST_CRITERIA],
        more_criteria=len(criteria[_MOST_CRITERIA:]),
        disagreements=tuple(_disagreement(item, report) for item in disagreements[:_MOST_DISAGREEMENTS]),
        more_disagreements=len(disagreements[_MOST_DISAGREEMENTS:]),
        acknowledged=len(report.known) + sum(result.acknowledged is not None for result in report.criteria),
        outside=outside_in_words(facts.reviewer.outside),
        ended=ended,
    )


def failure_message(
    store: StoreIdentity, moment: str, outcome: str, *, remedy: str, repeat: str, report_url: str | None
) -> Message:
    """Return the message about a review that ended without a verdict.

    `moment` is now, ISO 8601 in UTC; `outcome` is how it ended, as in "ended with 3 (internal error)".
    """
    sentence = f"the review {outcome}; nothing is known about drift"
    return replace(
        _base(store, f"failed-{token_hex(3)}", moment, "FAILED", f"the review {outcome}"),
        verdict=Verdict.INCONCLUSIVE,
        repeat=_unicode(repeat),
        report_url=f"{report_url}/{PAGE}" if report_url else None,
        criteria=(CriterionLine("review", Verdict.INCONCLUSIVE, sentence, remedy),),
    )


def trial_message(store: StoreIdentity, moment: str, report_url: str | None) -> Message:
    """Return a message that is marked as a test; `moment` is now, ISO 8601 in UTC."""
    return replace(
        _base(store, f"test-{token_hex(3)}", moment, "TEST", "nothing happened: somebody checks that alerts arrive"),
        kind=Kind.TEST,
        report_url=f"{report_url}/{PAGE}" if report_url else None,
    )


def store_key(store: StoreIdentity) -> str:
    """Return a key that is stable for the store, of letters and digits."""
    return sha256("\0".join(store).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _base(store: StoreIdentity, run_id: str, moment: str, label: str, why: str) -> Message:
    """Return a message about a change that says nothing of any run."""
    return Message(
        kind=Kind.CHANGE,
        incident=Incident.DRIFT,
        verdict=Verdict.OK,
        before=None,
        confirmed=False,
        headline=f"{label} · {printable(Path(store.db).name, _LONGEST_NAME)} · {why}",
        store_key=store_key(store),
        db=_unicode(store.db),
        table=_unicode(store.table),
        collection=_unicode(store.collection),
        host=printable(socket.gethostname(), _LONGEST_NAME),
        run_id=run_id,
        started=moment,
        repeat="python -m drift_checks alert-test",
        report="",
        report_url=None,
    )


def _criteria(report: RunReport) -> Iterator[CriterionLine]:
    """Yield the criteria that count and are worse than OK, worst first."""
    for result in report.criteria_worst_first:
        verdict = result.counts_as
        if verdict is None or verdict is Verdict.OK:
            continue
        remedy = _TRY_AGAIN if verdict is Verdict.INCONCLUSIVE else result.criterion.remedy
        yield CriterionLine(
            printable(result.criterion.name, _LONGEST_NAME),
            verdict,
            printable(result.message, _LONGEST_SENTENCE),
            printable(remedy, _LONGEST_SENTENCE),
        )


def _confidence(outcome: Outcome) -> float:
    """Return how sure store and reviewer are together: where two sure ones differ, there is most to learn."""
    decision = outcome.decision
    return (decision.stored_confidence or 0.0) + (decision.reviewed_confidence or 0.0) if decision else 0.0


def _disagreement(outcome: Outcome, report: RunReport) -> DisagreementLine:
    decision, record_id = outcome.decision, outcome.record_id
    assert decision is not None
    assert record_id is not None
    details = report.details.get(record_id)
    text = details.text if details is not None and not report.facts.redacted else None
    return DisagreementLine(
        record_id=record_id if isinstance(record_id, int) else printable(record_id, _LONGEST_NAME),
        stored=printable(decision.stored, _LONGEST_NAME),
        reviewed=printable(decision.reviewed, _LONGEST_NAME),
        stored_confidence=decision.stored_confidence,
        reviewed_confidence=decision.reviewed_confidence,
        text=None if text is None else printable(text, _LONGEST_TEXT),
    )


def _unicode(value: str) -> str:
    """Return the text with bytes that are not Unicode, as in a file's name, written as escapes."""
    return value.encode("utf-8", "backslashreplace").decode()
