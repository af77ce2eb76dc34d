"""The records that a report lists: those that disagree, failed a criterion or were not reviewed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from drift_checks.core.outcomes import Decision, Outcome, Result
from drift_checks.core.records import RecordId
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import html_size, safe_word, shorten_html
from drift_checks.report.details import Details, Near, Reasons
from drift_checks.report.listing import MOST_SHOWN, ListedRecord, listed_records
from drift_checks.report.page.excerpts import Excerpt, excerpt
from drift_checks.report.recurrence import Recurrence, recurrences
from drift_checks.report.run import RunReport

# The most bytes of the page for the texts of all records, so that it stays small, and for one text.
_ALL_TEXTS = 50_000
_LONGEST = 20_000
# The size of a reason and of a neighbour's text, relative to that of the record's own text.
_REASON, _NEAR = 0.4, 0.2
LONGEST_NAME = 120
_LONGEST_JUDGEMENT = 200
# Of more records than this, the page shows fewer neighbours, so that it stays small.
FEW = 60
_MOST_NEAR, _MOST_NEAR_OF_MANY, _MOST_NEAR_OF_VERY_MANY = 5, 2, 1


@dataclass(frozen=True)
class Failure:
    """A criterion that a record failed, or whose check of the record broke, and why."""

    criterion: str
    message: str


@dataclass(frozen=True)
class RecordRow:
    """A record in the report.

    Attributes:
        anchor: Its id in the page.
        link: Its address in the user's own system; empty if that is not known.
        criteria: The criteria that it failed; `acknowledged` stands in for an acknowledged disagreement.
        disagrees: Whether store and reviewer differ, and this is not acknowledged.
        failures: The criteria that it failed, except agreement.
        not_reviewed: Why there is no review; empty if there is one.
        known: Why its disagreement does not count; empty unless it is acknowledged.
        judged: What each judge says of its text; without what `known` says.
        text: None if it is not known or redacted.
        near: The records nearest to it.
        recurrence: Whether its disagreement is new; None if it does not disagree, or was not reviewed before.
    """

    record_id: RecordId
    anchor: str
    link: str
    stratum: str
    decision: Decision | None
    details: Details | None
    criteria: Sequence[str]
    disagrees: bool
    failures: tuple[Failure, ...]
    not_reviewed: str
    known: str
    judged: Sequence[str]
    text: Excerpt | None
    stored_reasons: Reasons
    reviewed_reasons: Reasons
    near: tuple[Near, ...]
    recurrence: Recurrence | None

    @property
    def seen_before(self) -> str:
        """Whether its disagreement is new, and how often it has disagreed; empty if that is not known."""
        return "" if self.recurrence is None else self.recurrence.in_words

    @property
    def stored(self) -> str:
        """The stored category, shortened if it is very long."""
        return "" if self.decision is None else _shortened(self.decision.stored, LONGEST_NAME)

    @property
    def reviewed(self) -> str:
        """The reviewer's category, shortened if it is very long."""
        return "" if self.decision is None else _shortened(self.decision.reviewed or "", LONGEST_NAME)

    @property
    def pair(self) -> str:
        """Both categories if they differ."""
        return f"{self.stored} → {self.reviewed}" if self.disagrees or self.known else ""

    @property
    def nearest_categories(self) -> str:
        """How often each category occurs among the nearest records, as in `4 loan, 1 fraud`."""
        near = self.details.near if self.details else ()
        found = Counter(mask_secrets(item.category) for item in near if item.category)
        return shorten_html(", ".join(f"{number} {name}" for name, number in found.most_common()), LONGEST_NAME)


def record_rows(report: RunReport) -> list[RecordRow]:
    """Return the records that the page shows, disagreements first.

    Those with the same pair of categories stand together: the most frequent pair first, and in it the most confident.
    """
    listed = listed_records(report.outcomes)[:MOST_SHOWN]
    most = _most_near(len(listed))
    pieces = [piece for item in listed for piece in _pieces(report.details.get(item.record_id), item.outcomes, most)]
    allowed = _allowed(pieces)
    anchors = _anchors(listed)
    recurring = recurrences(report)
    rows = [_row(item, report, allowed, most, anchors[item.number], recurring) for item in listed]
    pairs = Counter(row.pair for row in rows if row.disagrees)
    places = {row.pair: place for place, row in reversed(list(enumerate(rows)))}
    return sorted(rows, key=lambda row: (0, -pairs[row.pair], places[row.pair]) if row.disagrees else (1,))


def record_link(report: RunReport, key: RecordId) -> str:
    """Return the address of a record in the user's own system; empty if that is not known."""
    address = report.facts.record_url or ""
    return address.replace("{id}", quote(str(key), safe="", errors="replace"))


def _most_near(records: int) -> int:
    if records <= FEW:
        return _MOST_NEAR
    return _MOST_NEAR_OF_MANY if records <= 2 * FEW else _MOST_NEAR_OF_VERY_MANY


def _allowed(pieces: Sequence[tuple[float, str | None]]) -> int:
    """Return the most bytes for one record's text with which all texts together fit into the page.

    Args:
        pieces: Each text, with its size relative to a record's text.
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


def _pieces(details: Details | None, found: Sequence[Outcome], most_near: int) -> Iterator[tuple[float, str | None]]:
    yield from ((_REASON, outcome.message) for outcome in found)
    if details is None:
        return
    yield 1.0, details.text
    for reasons in (_cited(details.stored, details), _cited(details.reviewed, details)):
        yield _REASON, reasons.evidence
        yield _REASON, reasons.rationale
    for near in details.near[:most_near]:
        yield _NEAR, near.text


def _anchors(listed: Sequence[ListedRecord]) -> dict[int, str]:
    """Return an id in the page for each record, by its number: its own id, so that a link names it in any run."""
    words = {item.number: f"record-{safe_word(item.record_id)}" for item in listed}
    taken = Counter(words.values())
    return {number: word if taken[word] == 1 else f"{word}--{number}" for number, word in words.items()}


def _row(
    listed: ListedRecord,
    report: RunReport,
    allowed: int,
    most_near: int,
    anchor: str,
    recurring: Mapping[RecordId, Recurrence],
) -> RecordRow:
    details, agreement = report.details.get(listed.record_id), listed.agreement
    reason = int(allowed * _REASON)
    why = {} if agreement is None else {agreement.result: _shortened(agreement.message, reason)}
    text, stored, reviewed = None, Reasons(), Reasons()
    if details is not None:
        stored, reviewed = (_cited(found, details) for found in (details.stored, details.reviewed))
        if details.text is not None:
            text = excerpt(details.text, allowed, {"stored": stored.evidence, "reviewed": reviewed.evidence})
    return RecordRow(
        record_id=listed.record_id,
        anchor=anchor,
        link=record_link(report, listed.record_id),
        stratum=listed.outcomes[0].stratum or "",
        decision=listed.decision,
        details=details,
        criteria=listed.criteria,
        disagrees=Result.FAILED in why,
        failures=tuple(Failure(item.criterion, _shortened(item.message, reason)) for item in listed.failures),
        not_reviewed=why.get(Result.UNMEASURED, ""),
        known=why.get(Result.ACKNOWLEDGED, ""),
        judged=[
            _shortened(said, _LONGEST_JUDGEMENT)
            for said in report.acknowledged.judged.get(listed.record_id, ())
            if agreement is None or said != agreement.message
        ],
        text=text,
        stored_reasons=_reasons(stored, reason, quoted=text is None or not text.cites("stored")),
        reviewed_reasons=_reasons(reviewed, reason, quoted=text is None or not text.cites("reviewed")),
        near=() if details is None else tuple(_near(item, allowed) for item in details.near[:most_near]),
        recurrence=recurring.get(listed.record_id),
    )


def _cited(reasons: Reasons, details: Details) -> Reasons:
    """Return the reasons without evidence that is the whole text, which stands above them."""
    is_all = (reasons.evidence or "").strip() == (details.text or "").strip()
    return replace(reasons, evidence=None) if is_all else reasons


def _reasons(reasons: Reasons, allowed: int, *, quoted: bool) -> Reasons:
    """Return the reasons, shortened; evidence that is marked in the text is not quoted."""
    evidence = reasons.evidence or "" if quoted else ""
    return Reasons(_shortened(evidence, allowed), _shortened(reasons.rationale or "", allowed))


def _near(near: Near, allowed: int) -> Near:
    text = None if near.text is None else _shortened(near.text, int(allowed * _NEAR))
    category = None if near.category is None else _shortened(near.category, LONGEST_NAME)
    return Near(near.record_id, category, near.similarity, text)


def _shortened(text: str, longest: int) -> str:
    # First: of a secret that is cut, a part would stay.
    return shorten_html(mask_secrets(text), longest)
