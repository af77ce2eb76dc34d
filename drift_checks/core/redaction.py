"""Text of records kept out of what a run leaves."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from drift_checks.core.records import Record, Review

WITHHELD = "[withheld]"
# What is left of a text between two such runs says nothing.
_LEAST = 8


def withhold(message: str, text: str) -> str:
    """Return the message with each run of eight or more characters withheld that stands in the text, in either case."""
    told, hidden = _folded(message), _folded(text)
    runs = {hidden[start : start + _LEAST] for start in range(len(hidden) - _LEAST + 1)}
    covered = [False] * len(message)
    for start in range(len(told) - _LEAST + 1):
        if told[start : start + _LEAST] in runs:
            covered[start : start + _LEAST] = [True] * _LEAST
    parts = groupby(zip(covered, message, strict=True), key=lambda pair: pair[0])
    return "".join(WITHHELD if is_covered else "".join(letter for _, letter in part) for is_covered, part in parts)


def redacted(review: Review, record: Record) -> Review:
    """Return the review without what may quote the record's text."""
    failure = None if review.failure is None else withhold(review.failure, record.text)
    return replace(review, rationale=None, evidence=None, failure=failure)


def _folded(text: str) -> str:
    """Return the text in one case, letter by letter, so that places stay the same."""
    return "".join(folded if len(folded := letter.casefold()) == 1 else letter for letter in text)
