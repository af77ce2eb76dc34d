"""Answers outside the store's categories: disagreements that may be only another name for the same category."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable

from drift_checks.core.text import count, shorten
from drift_checks.report.history.recorded import OutsideFacts

_MOST_NAMES, _MOST_PAIRS = 5, 2
_LONGEST = 40
_PREFIX = re.compile(r"^__label__")
_INDEX = re.compile(r"(?:label|class|category)?[\W_]*\d+", re.IGNORECASE)


def find_outside(answers: Iterable[str], known: Collection[str]) -> OutsideFacts | None:
    """Return the answers that are none of the known categories, the most frequent first; None if there are none."""
    answers = list(answers)
    found = Counter(answer for answer in answers if answer not in known)
    if not found:
        return None
    by_form: dict[str, str] = {}
    for category in known:
        by_form.setdefault(_form(category), category)
    similar = {answer: by_form[form] for answer in found if (form := _form(answer)) in by_form and form}
    return OutsideFacts(
        answers=len(answers),
        categories=dict(found.most_common()),
        similar=similar,
        indices=all(map(_INDEX.fullmatch, found)) and not any(map(_INDEX.fullmatch, known)),
    )


def outside_in_words(outside: OutsideFacts | None) -> str:
    """Return how many answers are outside, which, and what to do; empty if there are none."""
    if outside is None:
        return ""
    names = [f"{_shown(name)} ({number:,})" for name, number in outside.categories.items()]
    more = [f"{len(names) - _MOST_NAMES:,} more"] if len(names) > _MOST_NAMES else []
    number = sum(outside.categories.values())
    are = "is" if number == 1 else "are"
    said = f"{number:,} of {count(outside.answers, 'answer')} {are} outside the store's categories"
    return f"{said}: {', '.join([*names[:_MOST_NAMES], *more])}; {_remedy(outside)}"


def _remedy(outside: OutsideFacts) -> str:
    if outside.similar:
        pairs = [f"{_shown(ours)} and {_shown(theirs)}" for ours, theirs in list(outside.similar.items())[:_MOST_PAIRS]]
        return f"{', '.join(pairs)} differ only in case, spaces, punctuation or prefix: map them in the classifier"
    if outside.indices:
        return "they look like indices of classes: return the categories' names"
    return "map them, or check the classifier's labels"


def _shown(category: str) -> str:
    # With the spaces around it, which may be what differs.
    return repr(shorten(category, _LONGEST))


def _form(category: str) -> str:
    """Return what is left of a category without case, spaces, punctuation and fastText's prefix."""
    folded = unicodedata.normalize("NFKC", _PREFIX.sub("", category)).casefold()
    return "".join(letter for letter in folded if letter.isalnum())
