"""Groups of the listed records: by pair of labels, criterion, stratum, version and other slices, and similar texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from drift_checks.core.outcomes import AGREEMENT, Outcome
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import shorten_html
from drift_checks.report.page.record_rows import LONGEST_NAME, RecordRow
from drift_checks.report.summary import STRATUM_WORDS

# Smaller groups are found by searching, and a page of hundreds of pairs would be large.
_MOST_GROUPS = 40
_FEW_GROUPS = 12
# The stored label is a grouping of its own.
_NOT_SHOWN = "category"


@dataclass(frozen=True)
class Group:
    """Listed records that share a value.

    Attributes:
        first: The anchor of the first of them.
        reviewed: How many records of the sample have the value; None if that is not known.
    """

    number: int
    value: str
    records: int
    first: str
    reviewed: int | None = None


@dataclass(frozen=True)
class Grouping:
    """One way to divide the records, whose name is a key of the page's address.

    The largest group comes first; `smaller` is how many are left out at the end.
    """

    name: str
    heading: str
    groups: Sequence[Group]
    smaller: int = 0


@dataclass(frozen=True)
class Groupings:
    """All ways to divide the records, and the numbers of each record's groups by its anchor."""

    groupings: Sequence[Grouping]
    of_record: Mapping[str, Sequence[int]]


def group_records(rows: Sequence[RecordRow], outcomes: Iterable[Outcome] = ()) -> Groupings:
    """Return the groupings that tell some of the listed records from others.

    The `outcomes` are those of the whole sample.
    """
    reviewed = _reviewed(outcomes)
    found: list[Grouping] = []
    of_record: dict[str, list[int]] = {row.anchor: [] for row in rows}
    for name, heading, values_of in _ways(rows):
        values = [list(values_of(row)) for row in rows]
        counts = Counter(value for own in values for value in own)
        if not any(number < len(rows) for number in counts.values()):
            continue
        start = sum(len(grouping.groups) for grouping in found)
        shown = counts.most_common(_MOST_GROUPS)
        if len(counts) > _FEW_GROUPS:
            shown = [(value, number) for value, number in shown if number > 1] or shown[:_FEW_GROUPS]
        numbers = {value: start + place for place, (value, _) in enumerate(shown)}
        first: dict[str, str] = {}
        for row, own in zip(rows, values, strict=True):
            of_record[row.anchor] += (numbers[value] for value in own if value in numbers)
            for value in own:
                first.setdefault(value, row.anchor)
        known = reviewed.get(name)
        groups = [
            Group(number, value, counts[value], first[value], known[value] if known else None)
            for value, number in numbers.items()
        ]
        found.append(Grouping(name, heading, groups, len(counts) - len(groups)))
    return Groupings(found, of_record)


def _ways(rows: Sequence[RecordRow]) -> Iterable[tuple[str, str, Callable[[RecordRow], Iterable[str]]]]:
    """Yield the name and the heading of each grouping, and what returns a record's values in it."""
    yield "seen", "New or again", lambda row: [row.recurrence.group] if row.recurrence else []
    yield "pair", "Label pair", lambda row: filter(None, [row.pair])
    yield "stored", "Stored label", lambda row: filter(None, [row.stored])
    yield "reviewed", "Reviewed label", lambda row: [row.reviewed] if row.pair else []
    yield "criterion", "Criterion", lambda row: row.criteria
    yield "stratum", "Stratum", lambda row: filter(None, [STRATUM_WORDS.get(row.stratum)])
    dimensions = dict.fromkeys(name for row in rows if row.details for name in row.details.slices)
    for dimension in dimensions:
        if dimension != _NOT_SHOWN:
            yield dimension, dimension.replace("_", " ").capitalize(), partial(_slice, dimension)
    topics = _topics(rows)
    yield "words", "Similar texts", lambda row: filter(None, [topics.get(row.anchor)])


def _reviewed(outcomes: Iterable[Outcome]) -> dict[str, Counter[str]]:
    """Return how many reviewed records have each stored label, and how many are in each stratum."""
    made = [item for item in outcomes if item.criterion == AGREEMENT and item.decision and item.decision.reviewed]
    labels = Counter(shorten_html(mask_secrets(item.decision.stored), LONGEST_NAME) for item in made if item.decision)
    strata = Counter(STRATUM_WORDS.get(item.stratum or "", "") for item in made)
    return {"stored": labels, "stratum": strata}


def _slice(dimension: str, row: RecordRow) -> list[str]:
    value = row.details.slices.get(dimension) if row.details else None
    return [shorten_html(mask_secrets(value), LONGEST_NAME)] if value else []


def _topics(rows: Sequence[RecordRow]) -> dict[str, str]:
    """Return the words that the texts of each record's group have in common, by its anchor."""
    # The nearest texts add words to a short one.
    texts = {
        row.anchor: " ".join([row.details.text, *(near.text or "" for near in row.details.near)])
        for row in rows
        if row.details and row.details.text
    }
    if not texts:
        return {}
    # Without texts, a page needs no arrays.
    from drift_checks.statistics.topics import topics

    found = topics([mask_secrets(text) for text in texts.values()])
    return {anchor: words for anchor, words in zip(texts, found, strict=True) if words}
