"""The data that passes through a run: stored records, the sample drawn from them, and their reviews."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import Any

from drift_checks.core.text import safe_word

# A whole number or a text. A binary id is shown as hexadecimal digits, another number as its digits.
RecordId = int | str
# An id as SQLite holds it.
StoredId = int | str | float | bytes

_LONGEST_LABEL = 40
_LEAST, _MOST = 1e-10, 1e20
# One more than the largest integer in SQLite.
_BIGGEST = 2**63
_LONGEST_NUMBER = len(str(-_BIGGEST))
INDISPENSABLE = ("id", "text", "category")
COLUMNS = (
    *(*INDISPENSABLE, "confidence", "timestamp", "text_hash", "chroma_id", "embedding_json", "evidence", "rationale"),
    *("model_version", "prompt_version", "embedding_model", "source", "response_time_ms"),
    *("input_tokens", "output_tokens", "archive_version", "last_reviewed_at", "review_count"),
)


# A sample of more records is read from a file.
FEW = 2000


def is_large(records: int) -> bool:
    """Whether a sample of so many records is large."""
    return records > FEW


class Stratum(StrEnum):
    """The part of the store that a record was drawn from; together the strata make up the store.

    LABEL_ISSUE has the labels that are probably wrong, if the sample hunts them; then the others are without these.
    """

    LOW_CONFIDENCE = "low_confidence"
    OLD = "old"
    BASELINE = "baseline"
    LABEL_ISSUE = "label_issue"


# Those that a store is divided into by confidence and time.
STORE_STRATA = (Stratum.LOW_CONFIDENCE, Stratum.OLD, Stratum.BASELINE)


@dataclass(frozen=True, slots=True)
class Record:
    """One stored decision.

    `values` holds the row, keyed by the names in COLUMNS, without columns that the store lacks. Texts are decoded,
    timestamps are ISO 8601 and confidences from 0 to 1, whatever form they are stored in; a value that cannot be read
    is Damaged.
    """

    id: RecordId
    stratum: Stratum
    values: Mapping[str, object]

    @property
    def text(self) -> str:
        """The text, empty if there is none."""
        return as_text(self.values["text"])

    @property
    def category(self) -> str:
        """The stored category, empty if there is none."""
        return as_text(self.values["category"])

    @property
    def confidence(self) -> float | None:
        """The stored confidence, None unless it is a finite number."""
        return read_number(self.values.get("confidence"))

    def has(self, column: str) -> bool:
        """Whether the store has this column."""
        return column in self.values


@dataclass(frozen=True, slots=True)
class Sample:
    """The records under review, in the order in which they are reviewed, and how they were drawn.

    Attributes:
        sizes: The number of records of each stratum in the store.
        judged: The strata whose agreement is compared with the thresholds.
        chosen: Whether the user named the records.
        unreadable: The number of values in the store that cannot be read, by column.
        notes: Remarks for the user.
    """

    records: tuple[Record, ...]
    sizes: Mapping[Stratum, int]
    judged: tuple[Stratum, ...]
    seed: int
    as_of: datetime
    naive_timezone: str
    chosen: bool = False
    unreadable: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_large(self) -> bool:
        """Whether it is read from a file, and has no report if the run is interrupted."""
        return is_large(len(self.records))

    @property
    def store_size(self) -> int:
        """The number of records in the store."""
        return sum(self.sizes.values())

    @property
    def method(self) -> str:
        """How it was drawn, as the setting `sample` names it."""
        return "hunt" if Stratum.LABEL_ISSUE in self.sizes else "random"

    def drawn(self) -> dict[Stratum, int]:
        """Return the number of records drawn from each stratum."""
        counts = dict.fromkeys(self.sizes, 0)
        for record in self.records:
            counts[record.stratum] += 1
        return counts


@dataclass(frozen=True, slots=True)
class Usage:
    """What the calls of one review used; None if the reviewer does not report it.

    The cost is in the currency of the user's prices; the seconds are those of the call that was answered.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None

    def plus(self, other: Usage) -> Usage:
        """Return the sum of both, with the seconds of the other, which is the later one."""
        return Usage(
            _sum(self.input_tokens, other.input_tokens),
            _sum(self.output_tokens, other.output_tokens),
            _sum(self.cost, other.cost),
            other.seconds,
        )


@dataclass(frozen=True, slots=True)
class Review:
    """A reviewer's decision on one record, or the reason there is none.

    Attributes:
        confidence: From 0 to 1, if the reviewer reports one.
        failure: Why there is no decision.
        evidence: The words of the text that decided, if the reviewer names them.
        model: The model, as it names itself.
        omitted_parameters: Parameters that the call omitted because the endpoint rejects them.
        asked: Whether the reviewer was called; False after an outage or once the budget is spent.
        needed: Whether the run needed this review; a sequential decision leaves some out.
        repeat: Whether this is the second review of the record in this run, which shows how consistent the reviewer is.
        variant: The number of the text's variant that was reviewed, from 1; 0 for the text itself.
        anchor: Whether it is of an anchor, which is reviewed beside the sample.
    """

    record_id: RecordId
    category: str | None = None
    confidence: float | None = None
    failure: str | None = None
    rationale: str | None = None
    evidence: str | None = None
    model: str | None = None
    omitted_parameters: tuple[str, ...] = ()
    asked: bool = True
    needed: bool = True
    repeat: bool = False
    variant: int = 0
    anchor: bool = False
    usage: Usage = field(default_factory=Usage)

    @property
    def made(self) -> bool:
        """Whether there is a decision."""
        return self.failure is None and self.category is not None

    def agrees_with(self, record: Record) -> bool:
        """Whether the reviewer chose the stored category."""
        return self.made and self.category == record.category


def _sum(first: float | None, second: float | None) -> Any:
    return second if first is None else first + (second or 0)


class BrokenText(str):
    """A text whose bytes are not UTF-8; U+FFFD stands for those that could not be decoded."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Damaged:
    """A stored value that cannot be read, and why, as in `is not UTF-8`; its `str()` is what can be made out of it."""

    stored: object
    problem: str

    def __str__(self) -> str:
        return as_text(self.stored)

    def __repr__(self) -> str:
        return repr(self.stored)


def decoded(stored: bytes) -> str:
    """Return the text in these bytes, as a BrokenText if they are not UTF-8."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return BrokenText(stored.decode(errors="replace"))


def as_text(value: object) -> str:
    """Return a stored value as text, empty for None."""
    if value is None:
        return ""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def as_name(value: object) -> str:
    """Return a stored hash or name as text; bytes that are not printable are shown as hexadecimal digits."""
    if isinstance(value, bytes):
        text = decoded(value)
        return text if text.isprintable() and not isinstance(text, BrokenText) else value.hex()
    return as_text(value)


def record_id(stored: StoredId) -> RecordId:
    """Return the id by which a record is known."""
    if isinstance(stored, bytes):
        return stored.hex()
    if isinstance(stored, float):
        return int(stored) if stored.is_integer() and abs(stored) < _BIGGEST else repr(stored)
    return stored


def item_name(key: RecordId, category: str) -> str:
    """Return a record's part of the names of its checks: its id and category, made safe for a command line."""
    return f"{safe_word(key)}-{safe_word(category, _LONGEST_LABEL)}"


def forms_of(key: RecordId) -> tuple[RecordId, ...]:
    """Return what a store may call a record that a file names: its id as text, then as a whole number if it is one."""
    text = str(key)
    # No store has ids of more digits, and Python refuses to read thousands of them.
    digits = text.removeprefix("-") if len(text) <= _LONGEST_NUMBER and text.isascii() else ""
    return (text, int(text)) if digits.isdecimal() and str(int(text)) == text else (text,)


def stored_ids(ids: Iterable[RecordId]) -> Iterator[StoredId]:
    """Yield what SQLite may hold for these ids."""
    for key in ids:
        if isinstance(key, str) or -_BIGGEST <= key < _BIGGEST:
            yield key
        if isinstance(key, str):
            yield from _other_forms(key)


def _other_forms(key: str) -> Iterator[StoredId]:
    with suppress(ValueError):
        # UUIDs are usually written with hyphens.
        yield bytes.fromhex(key.replace("-", ""))
    if "." in key or "e" in key:
        with suppress(ValueError):
            yield float(key)


def read_number(value: object) -> float | None:
    """Return a stored value as a finite number, also if it is stored as text; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def number_in(stored: bytes) -> float | None:
    """Return the number in the four or eight bytes that numpy writes for one, None for other bytes.

    The bits of a usual integer are those of an extremely small or large floating-point number, and the reverse.
    """
    formats = {4: ("<f", "<i"), 8: ("<d", "<q")}.get(len(stored))
    if formats is None:
        return None
    number, whole = (float(struct.unpack(form, stored)[0]) for form in formats)
    return number if _LEAST < abs(number) < _MOST else whole
