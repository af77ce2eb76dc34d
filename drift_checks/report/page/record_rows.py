"""The records that a report shows one by one: those that disagree, failed or were not reviewed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from drift_checks.core.outcomes import AGREEMENT, Decision, Outcome, Result
from drift_checks.core.records import RecordId
from drift_checks.core.text import cut_html, html_size, shorten_html
from drift_checks.report.details import Details, Near, Reasons
from drift_checks.report.run import RunReport

# What the texts of all records together may take of the page, in bytes, so that it stays light; and the longest text.
_ALL_TEXTS = 80_000
_LONGEST = 20_000
# What a reason and the text of a neighbour may take, of what the record's own text may.
_REASON, _NEAR = 0.4, 0.2
_LONGEST_NAME = 120
# A longer text is folded.
_FOLDED = 320


@dataclass(frozen=True)
class Excerpt:
    """A text for the page: its beginning, the rest of it, and how many characters of it are left out."""

    beginning: str
    rest: str = ""
    left_out: int = 0


@dataclass(frozen=True)
class Failure:
    """A criterion that a record failed, or whose check of it broke, and why."""

    criterion: str
    message: str


@dataclass(frozen=True)
class RecordRow:
    """A record of the report.

    Attributes:
        record_id: Which.
        anchor: The name of its place in the page.
        stratum: What it was drawn from.
        decision: What store and reviewer say.
        details: What else is known.
        disagrees: Whether they differ.
        failures: The criteria that it failed, agreement left out.
        not_reviewed: Why there is no review, empty where there is one.
        known: That somebody knows of the disagreement, and why it does not count; empty where nobody does.
        text: None where texts are left out.
        stored_evidence: Why it was stored so; likewise the next three.
        near: What lies nearest to it.
    """

    record_id: RecordId
    anchor: str
    stratum: str
    decision: Decision | None
    details: Details | None
    disagrees: bool
    failures: tuple[Failure, ...]
    not_reviewed: str
    known: str
    text: Excerpt | None
    stored_evidence: str
    stored_rationale: str
    reviewed_evidence: str
    reviewed_rationale: str
    near: tuple[Near, ...]

    @property
    def stored(self) -> str:
        """The stored category, cut where it is very long."""
        return "" if self.decision is None else shorten_html(self.decision.stored, _LONGEST_NAME)

    @property
    def reviewed(self) -> str:
        """The reviewed category, cut where it is very long."""
        return "" if self.decision is None else shorten_html(self.decision.reviewed or "", _LONGEST_NAME)

    @property
    def pair(self) -> str:
        """The stored and the reviewed category, where they differ."""
        return f"{self.stored} → {self.reviewed}" if self.disagrees or self.known else ""

    @property
    def criteria(self) -> list[str]:
        """The criteria that it failed; in place of agreement, that it is acknowledged."""
        agreement = [AGREEMENT] if self.disagrees else [str(Result.ACKNOWLEDGED)] if self.known else []
        return [*agreement, *(failure.criterion for failure in self.failures)]

    @property
    def place(self) -> tuple[int, float]:
        """Where it stands: what counts comes first, then what was not reviewed, then what is acknowledged."""
        kinds = (self.disagrees, bool(self.failures), bool(self.not_reviewed), bool(self.known))
        return kinds.index(True), -self.surety

    @property
    def surety(self) -> float:
        """How sure store and reviewer are together: of two that differ, the surer tell the most."""
        if self.decision is None:
            return 0.0
        return (self.decision.stored_confidence or 0.0) + (self.decision.reviewed_confidence or 0.0)


def record_rows(report: RunReport) -> list[RecordRow]:
    """Return the records to show: what disagrees, failed, was not reviewed or is acknowledged, the surest ahead."""
    by_record: dict[RecordId, list[Outcome]] = {}
    for outcome in report.outcomes:
        if outcome.record_id is not None and outcome.result not in (Result.PASSED, Result.NOT_NEEDED):
            by_record.setdefault(outcome.record_id, []).append(outcome)
    allowed = _allowed([piece for key, found in by_record.items() for piece in _pieces(report.details.get(key), found)])
    rows = [_row(number, key, found, report, allowed) for number, (key, found) in enumerate(by_record.items(), 1)]
    shown = [row for row in rows if row.disagrees or row.failures or row.not_reviewed or row.known]
    return sorted(shown, key=lambda row: row.place)


def _allowed(pieces: Sequence[tuple[float, str | None]]) -> int:
    """Return how many bytes the text of one record may take, so that all pieces together keep to what there is.

    Args:
        pieces: Each with what it may take of that.
    """
    weighed = [(share, html_size(text[:_LONGEST])) for share, text in pieces if text]
    low, high = 0, _LONGEST
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(length, middle * share) for share, length in weighed) <= _ALL_TEXTS:
            low = middle
        else:
            high = middle - 1
    return low


def _pieces(details: Details | None, found: Sequence[Outcome]) -> Iterator[tuple[float, str | None]]:
    yield from ((_REASON, outcome.message) for outcome in found)
    if details is None:
        return
    yield 1.0, details.text
    for reasons in (details.stored, details.reviewed):
        yield _REASON, reasons.evidence
        yield _REASON, reasons.rationale
    for near in details.near:
        yield _NEAR, near.text


def _row(number: int, key: RecordId, found: Iterable[Outcome], report: RunReport, allowed: int) -> RecordRow:
    outcomes = list(found)
    agreement = next((item for item in outcomes if item.criterion == AGREEMENT), None)
    others = [item for item in outcomes if item.criterion != AGREEMENT and item.result is not Result.UNMEASURED]
    details = report.details.get(key)
    reason = int(allowed * _REASON)
    said = {} if agreement is None else {agreement.result: shorten_html(agreement.message, reason)}
    return RecordRow(
        record_id=key,
        anchor=f"record-{number}",
        stratum=outcomes[0].stratum or "",
        decision=next((item.decision for item in outcomes if item.decision), None),
        details=details,
        disagrees=agreement is not None and agreement.result is Result.FAILED,
        failures=tuple(Failure(item.criterion, shorten_html(item.message, reason)) for item in others),
        not_reviewed=said.get(Result.UNMEASURED, ""),
        known=said.get(Result.ACKNOWLEDGED, ""),
        text=None if details is None or details.text is None else excerpt(details.text, allowed),
        near=() if details is None else tuple(_near(item, allowed) for item in details.near),
        **_reasons(details, reason),
    )


def _reasons(details: Details | None, allowed: int) -> dict[str, str]:
    """Return evidence and rationale of both decisions, cut, empty where there is none."""
    stored, reviewed = (details.stored, details.reviewed) if details else (Reasons(), Reasons())
    said = {
        "stored_evidence": stored.evidence,
        "stored_rationale": stored.rationale,
        "reviewed_evidence": reviewed.evidence,
        "reviewed_rationale": reviewed.rationale,
    }
    return {name: shorten_html(text or "", allowed) for name, text in said.items()}


def _near(near: Near, allowed: int) -> Near:
    text = None if near.text is None else shorten_html(near.text, int(allowed * _NEAR))
    category = None if near.category is None else shorten_html(near.category, _LONGEST_NAME)
    return Near(near.record_id, category, near.similarity, text)


def excerpt(text: str, allowed: int) -> Excerpt:
    """Return a text as the page shows it.

    Args:
        text: The whole of it.
        allowed: How many bytes of the page it may take.
    """
    cut = cut_html(text, allowed)
    left_out = len(text) - len(cut)
    if len(cut) <= _FOLDED and not left_out:
        return Excerpt(cut)
    place = cut.rfind(" ", _FOLDED // 2, _FOLDED)
    place = _FOLDED if place < 0 else place
    return Excerpt(cut[:place], cut[place:], left_out)
