"""The forms in which a column may hold timestamps. A whole column has one form, which its values decide."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import format_datetime, parsedate_to_datetime
from typing import Protocol

from drift_checks.core.instants import read_instant
from drift_checks.core.records import as_text, decoded, number_in, read_number

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECONDS_PER_DAY = 86_400
# The usual form, with its separator, fraction and offset.
_ISO_PARTS = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?")
_MILLISECONDS = len("000")


class TimestampForm(Protocol):
    """How timestamps are stored."""

    @property
    def name(self) -> str:
        """The name of the form, for messages."""

    def read(self, stored: object, naive: tzinfo) -> datetime | None:
        """Return the instant of a stored value, or None if it is not of this form; `naive` is the default zone."""

    def written(self, moment: datetime, like: object, naive: tzinfo) -> object:
        """Return the instant as the stored value `like` is written, of the same type; `naive` is the default zone."""


class _Iso:
    name = "ISO 8601"

    def read(self, stored: object, naive: tzinfo) -> datetime | None:
        return read_instant(_as_string(stored), naive)

    def written(self, moment: datetime, like: object, naive: tzinfo) -> str:
        found = _ISO_PARTS.fullmatch(as_text(like))
        if found is None:
            return iso_utc(moment)
        separator, fraction, offset = found.groups()
        zone = datetime.strptime(offset, "%z").tzinfo if offset else naive
        spec = "seconds" if fraction is None else "milliseconds" if len(fraction) == _MILLISECONDS else "microseconds"
        return moment.astimezone(zone).replace(tzinfo=None).isoformat(separator, spec) + (offset or "")


class _Mail:
    name = "RFC 2822"

    def read(self, stored: object, naive: tzinfo) -> datetime | None:
        text = _as_string(stored)
        if not isinstance(text, str):
            return None
        try:
            moment = parsedate_to_datetime(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC if text.rstrip().endswith("-0000") else naive)
            return moment.astimezone(UTC)
        except (TypeError, ValueError, OverflowError, IndexError):
            return None

    def written(self, moment: datetime, like: object, naive: tzinfo) -> str:
        return format_datetime(moment.astimezone(UTC), usegmt=str(like).rstrip().endswith("GMT"))


@dataclass(frozen=True)
class Count:
    """The time since 1970 in a unit, plus an offset; as a number, its text, or the eight bytes of numpy's number.

    Only years from 1980 to 2099 count, so that a number fits one unit at most.
    """

    name: str
    per_second: float
    at_epoch: float = 0.0

    @property
    def first(self) -> float:
        """The lowest number of this form."""
        return self.number(datetime(1980, 1, 1, tzinfo=UTC))

    @property
    def end(self) -> float:
        """The lowest number that is too large for this form."""
        return self.number(datetime(2100, 1, 1, tzinfo=UTC))

    def number(self, moment: datetime) -> float:
        """Return the instant as a number."""
        return (moment - _EPOCH) / timedelta(seconds=1) * self.per_second + self.at_epoch

    def read(self, stored: object, naive: tzinfo) -> datetime | None:
        """Return the instant of a stored value."""
        number = read_number(_as_string(stored))
        if number is None and isinstance(stored, bytes):
            number = number_in(stored)
        if number is None or not self.first <= number < self.end:
            return None
        return _EPOCH + round((number - self.at_epoch) / self.per_second * 1e6) * _MICROSECOND

    def written(self, moment: datetime, like: object, naive: tzinfo) -> object:
        """Return the number, as text if the other value is text."""
        number = self.number(moment)
        written = number if "." in as_text(like) else round(number)
        return str(written) if isinstance(like, str) else written


ISO: TimestampForm = _Iso()
FORMS: tuple[TimestampForm, ...] = (
    ISO,
    Count("epoch seconds", 1),
    Count("epoch milliseconds", 1e3),
    Count("epoch microseconds", 1e6),
    Count("epoch nanoseconds", 1e9),
    Count("Julian days", 1 / _SECONDS_PER_DAY, 2_440_587.5),
    _Mail(),
)
READABLE = "ISO 8601, RFC 2822, Julian days, and seconds, milliseconds, microseconds or nanoseconds since 1970"


def timestamp_form(values: Sequence[object]) -> TimestampForm | None:
    """Return the form that most of these values have, or None if none of them can be read."""
    read = {form: sum(form.read(value, UTC) is not None for value in values) for form in FORMS}
    best = max(FORMS, key=read.__getitem__)
    return best if read[best] else None


def written_like(values: Sequence[object], moment: datetime, naive: tzinfo) -> object | None:
    """Return the instant as most of these values are written, or None if none of them can be read.

    Programs that compare timestamps as text then order it among the others.
    """
    form = timestamp_form(values)
    if form is None:
        return None
    readable = [value for value in values if form.read(value, naive) is not None]
    shapes = [(type(value), re.sub(r"\d", "0", as_text(value))) for value in readable]
    (usual, _), *_ = Counter(shapes).most_common(1)
    return form.written(moment, readable[shapes.index(usual)], naive)


def iso_utc(moment: datetime) -> str:
    """Return the moment with `+00:00`, because `datetime.fromisoformat` reads `Z` only since Python 3.11."""
    return moment.astimezone(UTC).isoformat()


def _as_string(stored: object) -> object:
    """Return bytes as text."""
    return decoded(stored) if isinstance(stored, bytes) else stored
