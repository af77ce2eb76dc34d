"""The records that a report lists: those that disagree, failed a criterion or were not reviewed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from drift_checks.core.outcomes import Decision, Outcome, Result
from drift_checks.core.records import RecordId
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import cut_html, html_size, shorten_html
from drift_checks.report.details import Details, Near, Reasons
from drift_checks.report.listing import MOST_SHOWN, ListedRecord, listed_records
from drift_checks.report.run import RunReport

# The most bytes of the page for the texts of all records, so that it stays small, and for one text.
_ALL_TEXTS = 80_000
_LONGEST = 20_000
# The size of a reason and of a neighbour's text, relative to that of the record's own text.
_REASON, _NEAR = 0.4, 0.2
_LONGEST_NAME = 120
# Longer texts are folded, at the end of a sentence if one ends before the second number of characters.
_FOLDED, _LONGEST_SENTENCE = 320, 480
# Followed by a lower-case letter, or after a single capital, a full stop ends an abbreviation.
_SENTENCE_END = re.compile(r"""(?<!\b[A-Z])[.!?…]["'”’)\]]*(?=\s+[^\sa-zà-ÿ])|[。！？]|\n""")


@dataclass(frozen=True)
class Excerpt:
    """A text on the page: its visible beginning, its folded rest, and the number of characters left out."""

    beginning: str
    rest: str = ""
    left_out: int = 0


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
        text: None if it is not known or redacted.
        near: The records nearest to it.
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
    text: Excerpt | None
    stored_reasons: Reasons
    reviewed_reasons: Reasons
    near: tuple[Near, ...]

    @property
    def stored(self) -> str:
        """The stored category, shortened if it is very long."""
        return "" if self.decision is None else _shortened(self.decision.stored, _LONGEST_NAME)

    @property
    def reviewed(self) -> str:
        """The reviewer's category, shortened if it is very long."""
        return "" if self.decision is None else _shortened(self.decision.reviewed or "", _LONGEST_NAME)

    @property
    def pair(self) -> str:
        """Both categories if they differ."""
        return f"{self.stored} → {self.reviewed}" if self.disagrees or self.known else ""


def record_rows(report: RunReport) -> list[RecordRow]:
    """Return the records that the page shows, the most important first."""
    listed = listed_records(report.outcomes)[:MOST_SHOWN]
    pieces = [piece for item in listed for piece in _pieces(report.details.get(item.record_id), item.outcomes)]
    allowed = _allowed(pieces)
    address = report.facts.record_url or ""
    return [_row(item, report.details.get(item.record_id), allowed, address) for item in listed]


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


def _row(listed: ListedRecord, details: Details | None, allowed: int, address: str) -> RecordRow:
    agreement = listed.agreement
    reason = int(allowed * _REASON)
    why = {} if agreement is None else {agreement.result: _shortened(agreement.message, reason)}
    stored, reviewed = (details.stored, details.reviewed) if details else (Reasons(), Reasons())
    return RecordRow(
        record_id=listed.record_id,
        anchor=f"record-{listed.number}",
        link=address.replace("{id}", quote(str(listed.record_id), safe="", errors="replace")),
        stratum=listed.outcomes[0].stratum or "",
        decision=listed.decision,
        details=details,
        criteria=listed.criteria,
        disagrees=Result.FAILED in why,
        failures=tuple(Failure(item.criterion, _shortened(item.message, reason)) for item in listed.failures),
        not_reviewed=why.get(Result.UNMEASURED, ""),
        known=why.get(Result.ACKNOWLEDGED, ""),
        text=None if details is None or details.text is None else excerpt(details.text, allowed),
        stored_reasons=_reasons(stored, reason),
        reviewed_reasons=_reasons(reviewed, reason),
        near=() if details is None else tuple(_near(item, allowed) for item in details.near),
    )


def _reasons(reasons: Reasons, allowed: int) -> Reasons:
    return Reasons(_shortened(reasons.evidence or "", allowed), _shortened(reasons.rationale or "", allowed))


def _near(near: Near, allowed: int) -> Near:
    text = None if near.text is None else _shortened(near.text, int(allowed * _NEAR))
    category = None if near.category is None else _shortened(near.category, _LONGEST_NAME)
    return Near(near.record_id, category, near.similarity, text)


def excerpt(text: str, allowed: int) -> Excerpt:
    """Return a text as the page shows it, in at most `allowed` bytes of the page."""
    cut = cut_html(mask_secrets(text), allowed)
    left_out = len(text) - len(cut)
    if len(cut) <= _FOLDED and not left_out:
        return Excerpt(cut)
    place = _fold(cut)
    return Excerpt(cut[:place], cut[place:], left_out)


def _fold(text: str) -> int:
    """Return where to fold a text: at the last end of a sentence that is near enough, else at a space."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text, 0, _LONGEST_SENTENCE + 1)]
    early = [end for end in ends if _FOLDED // 2 <= end <= _FOLDED]
    late = [end for end in ends if _FOLDED < end <= _LONGEST_SENTENCE]
    if early or late:
        return early[-1] if early else late[0]
    place = text.rfind(" ", _FOLDED // 2, _FOLDED)
    return _FOLDED if place < 0 else place


def _shortened(text: str, longest: int) -> str:
    # First: of a secret that is cut, a part would stay.
    return shorten_html(mask_secrets(text), longest)
