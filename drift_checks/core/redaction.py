"""Remove the text of records from whatever a run leaves."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from drift_checks.core.records import Record, Review
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import shorten

WITHHELD = "[withheld]"
# Shorter quotations reveal nothing.
_SHORTEST_QUOTE = 8
# The number of characters of a text that are searched together.
_AT_ONCE = 100_000
# Nobody reads more, and a model may answer with megabytes.
_LONGEST_REASON = 20_000


def withhold(message: str, text: str) -> str:
    """Return the message without quotations of eight or more characters from the text, ignoring case."""
    folded = _casefold(message)
    found = _pieces(folded)
    # A text may be a hundred megabytes.
    parts = (text[start : start + _AT_ONCE + _SHORTEST_QUOTE - 1] for start in range(0, len(text), _AT_ONCE))
    quotes = {piece for part in parts for piece in found & _pieces(_casefold(part))}
    quoted = [False] * len(message)
    for start in range(len(folded) - _SHORTEST_QUOTE + 1):
        if folded[start : start + _SHORTEST_QUOTE] in quotes:
            quoted[start : start + _SHORTEST_QUOTE] = [True] * _SHORTEST_QUOTE
    runs = groupby(zip(quoted, message, strict=True), key=lambda pair: pair[0])
    return "".join(WITHHELD if is_quoted else "".join(letter for _, letter in run) for is_quoted, run in runs)


def redacted(review: Review, record: Record) -> Review:
    """Return the review without the fields that may quote the record's text."""
    failure = None if review.failure is None else withhold(review.failure, record.text)
    return replace(review, rationale=None, evidence=None, failure=failure)


def contained(review: Review) -> Review:
    """Return the review without secrets and with its reasons cut; its evidence stays a quotation."""
    # Masked here, because what shows them may cut them, and of a secret that is cut a part would stay.
    category, model = (text and mask_secrets(text) for text in (review.category, review.model))
    failure, rationale = (
        text and shorten(mask_secrets(text), _LONGEST_REASON) for text in (review.failure, review.rationale)
    )
    evidence = review.evidence and review.evidence[:_LONGEST_REASON]
    return replace(review, category=category, model=model, failure=failure, rationale=rationale, evidence=evidence)


def _pieces(text: str) -> set[str]:
    return {text[start : start + _SHORTEST_QUOTE] for start in range(len(text) - _SHORTEST_QUOTE + 1)}


def _casefold(text: str) -> str:
    """Return the text casefolded letter by letter, so that positions stay the same."""
    return "".join(folded if len(folded := letter.casefold()) == 1 else letter for letter in text)
