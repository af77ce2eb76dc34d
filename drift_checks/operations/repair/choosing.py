"""Which records judges agree to give another category, and why the others are left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from drift_checks.core.records import BrokenText, Damaged, RecordId, StoredId, as_text
from drift_checks.reviews.judgements.judgement import Judged, Judgement, hash_of, judged_right


class Reason(StrEnum):
    """Why a judged record is left out of a plan."""

    GONE = "no longer in the store"
    UNREADABLE = "text, category or id cannot be read"
    CHANGED_TEXT = "the text changed after it was judged"
    UNKNOWN = "nobody could tell"
    CORRECT = "the store already has the right category"
    BOTH = "both categories are acceptable"
    CONTRADICTION = "the judges contradict each other"
    UNNAMED = "no judge named the right category"
    SEVERAL = "several categories are right"
    FEW_JUDGES = "too few judges"
    WITHHELD = "the store does not have the right category, and redact withholds its name"


@dataclass(frozen=True)
class StoredRow:
    """A judged record as it is in the store now; what cannot be read is Damaged, and so is an id that is not unique.

    Attributes:
        stored: The category as the database holds it, perhaps as a number or bytes.
    """

    id: object
    text: object
    category: object
    stored: StoredId


@dataclass(frozen=True)
class Change:
    """A record whose category is to be changed.

    Attributes:
        text_hash: Of the text that was judged, which is the text in the store.
        old: The category in the store.
        new: The category that the judges named.
        judges: Who judged.
        judged: When the last of them did.
    """

    record_id: RecordId
    text_hash: str
    old: str
    new: str
    judges: tuple[str, ...]
    judged: datetime


def choose(
    judged: Judged, rows: Mapping[RecordId, StoredRow], least: int, only: Collection[str] | None = None
) -> tuple[list[Change], dict[Reason, list[RecordId]]]:
    """Return the changes that the judges agree on, and the other judged records by why they are left out.

    Args:
        judged: The judgements of the store.
        rows: The judged records that the store still has.
        least: How many judges must have decided about a record.
        only: The categories that a change may name; None for any.
    """
    changes: list[Change] = []
    left_out: dict[Reason, list[RecordId]] = {}
    # A judgement from another program may have a number as text, or the reverse.
    own = {str(key): key for key in rows}
    for name in dict.fromkeys(item.record_id for item in judged.all):
        key = own.get(str(name), name)
        found = _decided(judged, key, rows.get(key), least)
        if isinstance(found, Change) and only is not None and found.new not in only:
            found = Reason.WITHHELD
        if isinstance(found, Change):
            changes.append(found)
        else:
            left_out.setdefault(found, []).append(key)
    return changes, left_out


def _decided(judged: Judged, key: RecordId, row: StoredRow | None, least: int) -> Change | Reason:
    if row is None:
        return Reason.GONE
    if any(isinstance(value, Damaged | BrokenText) for value in (row.id, row.category, row.text)):
        return Reason.UNREADABLE
    category, text_hash = as_text(row.category), hash_of(as_text(row.text))
    made = judged.of(key, text_hash)
    if not made:
        return Reason.CHANGED_TEXT
    deciding = [item for item in made if item.decides]
    if not deciding:
        return Reason.UNKNOWN
    is_right = judged_right(deciding, category)
    if is_right:
        return Reason.BOTH if all(len(item.right) > 1 for item in deciding) else Reason.CORRECT
    new = _agreed_category(deciding)
    if isinstance(new, Reason):
        return new
    if len(deciding) < least:
        return Reason.FEW_JUDGES
    judges = tuple(item.judge for item in deciding)
    return Change(key, text_hash, category, new, judges, max(item.made for item in deciding))


def _agreed_category(deciding: Sequence[Judgement]) -> str | Reason:
    named = {item.right for item in deciding}
    if len(named) > 1:
        common = frozenset.intersection(*named)
        return Reason.SEVERAL if common else Reason.CONTRADICTION
    (right,) = named
    if not right:
        return Reason.UNNAMED
    return next(iter(right)) if len(right) == 1 else Reason.SEVERAL
