"""Remove the text of records from whatever a run leaves."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from drift_checks.core.records import Record, Review

WITHHELD = "[withheld]"
# Shorter quotations reveal nothing.
_SHORTEST_QUOTE = 8


def withhold(message: str, text: str) -> str:
    """Return the message without quotations of eight or more characters from the text, ignoring case."""
    folded, source = _casefold(message), _casefold(text)
    quotes = {source[start : start + _SHORTEST_QUOTE] for start in range(len(source) - _SHORTEST_QUOTE + 1)}
    quoted = [False] * len(message)
    for start in range(len(folded) - _SHORTEST_QUOTE + 1):
        if folded[start : start + _SHORTEST_QUOTE] in quotes:
            quoted[start : start + _SHORTEST_QUOTE] = [True] * _SHORTEST_QUOTE
    parts = groupby(zip(quoted, message, strict=True), key=lambda pair: pair[0])
    return "".join(WITHHELD if is_quoted else "".join(letter for _, letter in part) for is_quoted, part in parts)


def redacted(review: Review, record: Record) -> Review:
    """Return the review without the fields that may quote the record's text."""
    failure = None if review.failure is None else withhold(review.failure, record.text)
    return replace(review, rationale=None, evidence=None, failure=failure)


def _casefold(text: str) -> str:
    """Return the text casefolded letter by letter, so that positions stay the same."""
    return "".join(folded if len(folded := letter.casefold()) == 1 else letter for letter in text)
