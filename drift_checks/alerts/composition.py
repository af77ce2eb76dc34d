"""A run told as a message."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from drift_checks.alerts.message import CriterionLine, DisagreementLine, Incident, Kind, Message
from drift_checks.core.outcomes import Outcome
from drift_checks.core.text import printable
from drift_checks.report.certainty import is_confirmed
from drift_checks.report.changes import changes_since, store_of
from drift_checks.report.folder import PAGE
from drift_checks.report.headline import reason
from drift_checks.report.history.recorded import StoreIdentity
from drift_checks.report.run import RunReport
from drift_checks.report.verdict import Verdict, severity

_TRY_AGAIN = "Look to the reviewer; the same command with --drift-resume asks for what is missing alone."
_MOST_CRITERIA, _MOST_DISAGREEMENTS = 3, 5
_LONGEST_TEXT, _LONGEST_SAID, _LONGEST_NAME = 300, 400, 120


@dataclass(frozen=True)
class Occasion:
    """Why a message is due: its kind, what it is about, and the verdict that was told last."""

    kind: Kind
    incident: Incident
    before: Verdict | None


def compose(report: RunReport, occasion: Occasion, page: Path, report_url: str | None) -> Message:
    """Return what is to be said of a run.

    Args:
        report: The run.
        occasion: Why it is told.
        page: Its HTML report.
        report_url: The address under which the folder of reports is published.
    """
    facts, agreement, population = report.facts, report.agreement, report.agreement.population
    store = store_of(report)
    failed = _failed(report)
    disagreements = sorted(report.disagreements, key=_surety, reverse=True)
    ended = tuple(printable(reason, _LONGEST_SAID) for _, reason in report.acknowledged.ended)
    return Message(
        kind=occasion.kind,
        incident=occasion.incident,
        verdict=report.verdict,
        before=occasion.before,
        confirmed=is_confirmed(report),
        headline=_headline(report, occasion),
        store_key=store_key(store),
        db=_text(store.db),
        table=_text(store.table),
        collection=_text(store.collection),
        host=socket.gethostname(),
        run_id=facts.run_id,
        started=facts.started,
        agreed=agreement.agreed,
        reviewed=agreement.reviewed,
        rate=agreement.rate,
        interval=agreement.interval,
        population=population.rate if population else None,
        population_interval=population.interval if population else None,
        warn=facts.warn,
        critical=facts.critical,
        changes=(*ended, *(changes_since(report.past[-1], report).sentences() if report.past else ())),
        criteria=failed[:_MOST_CRITERIA],
        more_criteria=len(failed[_MOST_CRITERIA:]),
        disagreements=tuple(_disagreement(item, report) for item in disagreements[:_MOST_DISAGREEMENTS]),
        more_disagreements=len(disagreements[_MOST_DISAGREEMENTS:]),
        acknowledged=len(report.known) + sum(result.acknowledged is not None for result in report.criteria),
        ended=ended,
        repeat=_text(facts.repeat),
        report=_text(str(page)),
        report_url=f"{report_url}/{facts.run_id}/{PAGE}" if report_url else None,
    )


@dataclass(frozen=True)
class FailedReview:
    """A review that ended without a verdict.

    Attributes:
        store: Of which.
        reason: How it ended, as in "ended with 3 (internal error)".
        remedy: Where to look.
        moment: When it is told, ISO 8601 in UTC.
        repeat: The command that makes it again.
        report_url: The address under which the folder of reports is published.
    """

    store: StoreIdentity
    reason: str
    remedy: str
    moment: str
    repeat: str
    report_url: str | None


def failure_message(failure: FailedReview, occasion: Occasion) -> Message:
    """Return what is to be said of a review that did not come about."""
    said = f"the review {failure.reason}; nothing is known of drift"
    line = CriterionLine("review", Verdict.INCONCLUSIVE, said, failure.remedy)
    blank = _blank(failure.store, f"failed-{token_hex(3)}", failure.moment, failure.report_url)
    still = "Still FAILED" if occasion.kind is Kind.REMINDER else "FAILED"
    return replace(
        blank,
        kind=occasion.kind,
        incident=occasion.incident,
        verdict=Verdict.INCONCLUSIVE,
        before=occasion.before,
        headline=f"{still} · {_name(failure.store)} · the review {failure.reason}",
        criteria=(line,),
        repeat=_text(failure.repeat),
    )


def store_key(store: StoreIdentity) -> str:
    """Return a key that is stable for the store, of letters and digits."""
    return sha256("\0".join(store).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def trial_message(store: StoreIdentity, moment: str, report_url: str | None) -> Message:
    """Return a message that says of itself that it is a test.

    Args:
        store: That is configured.
        moment: When, ISO 8601 in UTC.
        report_url: The address under which the folder of reports is published.
    """
    headline = f"TEST · {_name(store)} · nothing happened: somebody tries whether alerts arrive"
    return replace(_blank(store, f"test-{token_hex(3)}", moment, report_url), headline=headline)


def _blank(store: StoreIdentity, run_id: str, moment: str, report_url: str | None) -> Message:
    """Return a message that says nothing of any run."""
    return Message(
        kind=Kind.TEST,
        incident=Incident.DRIFT,
        verdict=Verdict.OK,
        before=None,
        confirmed=False,
        headline="",
        store_key=store_key(store),
        db=_text(store.db),
        table=_text(store.table),
        collection=_text(store.collection),
        host=socket.gethostname(),
        run_id=run_id,
        started=moment,
        agreed=0,
        reviewed=0,
        rate=None,
        interval=None,
        population=None,
        population_interval=None,
        warn=0.0,
        critical=0.0,
        changes=(),
        criteria=(),
        more_criteria=0,
        disagreements=(),
        more_disagreements=0,
        acknowledged=0,
        ended=(),
        repeat="python -m drift_checks alert-test",
        report="",
        report_url=f"{report_url}/{PAGE}" if report_url else None,
    )


def _headline(report: RunReport, occasion: Occasion) -> str:
    return " · ".join((_label(report.verdict, occasion), _name(store_of(report)), reason(report)))


def _label(verdict: Verdict, occasion: Occasion) -> str:
    if occasion.kind is Kind.ENDED:
        return f"Acknowledgement ended · {verdict}"
    if occasion.kind is Kind.REMINDER:
        return f"Still {verdict}"
    if occasion.kind is Kind.RECOVERY:
        return "OK again" if verdict is Verdict.OK else f"No longer {occasion.before}: {verdict}"
    return str(verdict)


def _name(store: StoreIdentity) -> str:
    return printable(Path(store.db).name, _LONGEST_NAME)


def _failed(report: RunReport) -> tuple[CriterionLine, ...]:
    """Return the criteria worse than OK that count, worst first."""
    return tuple(_criteria(report))


def _criteria(report: RunReport) -> Iterator[CriterionLine]:
    for result in sorted(report.criteria, key=lambda item: severity(item.verdict)):
        if result.verdict not in (None, Verdict.OK) and result.acknowledged is None:
            assert result.verdict is not None
            name, message, remedy = result.criterion.name, result.message, result.criterion.remedy
            if result.verdict is Verdict.INCONCLUSIVE:
                remedy = _TRY_AGAIN
            yield CriterionLine(
                printable(name, _LONGEST_NAME),
                result.verdict,
                printable(message, _LONGEST_SAID),
                printable(remedy, _LONGEST_SAID),
            )


def _surety(outcome: Outcome) -> float:
    """Return how sure store and reviewer are together: of two that differ, the surer tell the most."""
    decision = outcome.decision
    return (decision.stored_confidence or 0.0) + (decision.reviewed_confidence or 0.0) if decision else 0.0


def _disagreement(outcome: Outcome, report: RunReport) -> DisagreementLine:
    decision = outcome.decision
    assert decision is not None
    assert outcome.record_id is not None
    details = report.details.get(outcome.record_id)
    text = details.text if details is not None and not report.facts.redacted else None
    return DisagreementLine(
        record_id=_identity(outcome.record_id),
        stored=printable(decision.stored, _LONGEST_NAME),
        reviewed=printable(decision.reviewed, _LONGEST_NAME),
        stored_confidence=decision.stored_confidence,
        reviewed_confidence=decision.reviewed_confidence,
        text=None if text is None else printable(text, _LONGEST_TEXT),
    )


def _identity(record_id: int | str) -> int | str:
    return record_id if isinstance(record_id, int) else printable(record_id, _LONGEST_NAME)


def _text(value: str) -> str:
    """Return the text as Unicode: names of files may hold bytes that are none."""
    return value.encode("utf-8", "backslashreplace").decode()
