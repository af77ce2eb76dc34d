"""The forms in which a column may hold confidences. A whole column has one form, which its values decide."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from drift_checks.core.records import decoded, read_number

_Reader = Callable[[Any], float | None]


def _number(stored: object) -> float | None:
    return read_number(decoded(stored) if isinstance(stored, bytes) else stored)


def _percentage(stored: object) -> float | None:
    if not isinstance(stored, str) or not stored.rstrip().endswith("%"):
        return None
    number = read_number(stored.rstrip().removesuffix("%").replace(",", "."))
    return None if number is None else number / 100


def _decimal_comma(stored: object) -> float | None:
    return read_number(stored.replace(",", ".", 1)) if isinstance(stored, str) and "." not in stored else None


def _packed(form: str) -> _Reader:
    def read(stored: object) -> float | None:
        if not isinstance(stored, bytes) or len(stored) != struct.calcsize(form):
            return None
        number = float(struct.unpack(form, stored)[0])
        return number if math.isfinite(number) else None

    return read


_READERS: dict[str, _Reader] = {
    "numbers": _number,
    "percentages": _percentage,
    "numbers with a decimal comma": _decimal_comma,
    "32-bit numbers in BLOBs": _packed("<f"),
    "64-bit numbers in BLOBs": _packed("<d"),
}
READABLE = "numbers, percentages such as 60%, numbers with a decimal comma, and BLOBs of one 32-bit or 64-bit number"


@dataclass(frozen=True)
class ConfidenceForm:
    """How confidences are stored: the name of the form, and the number by which they are divided."""

    name: str = "numbers"
    divisor: float = 1.0

    def read(self, stored: object) -> float | None:
        """Return the confidence of a stored value, or None if it is not of this form."""
        number = _READERS[self.name](stored)
        return None if number is None else number / self.divisor

    def stored_bound(self, bound: float) -> float:
        """Return the largest stored number that is read as `bound` at most."""
        # Near the middle between the bound and the next number, where the rounding of a quotient changes.
        stored = bound * self.divisor + self.divisor / 2 * math.ulp(bound)
        while stored / self.divisor > bound:
            stored = math.nextafter(stored, -math.inf)
        while (more := math.nextafter(stored, math.inf)) / self.divisor <= bound:
            stored = more
        return stored


NUMBERS = ConfidenceForm()


def confidence_form(values: Sequence[object], divisor: float = 1.0) -> ConfidenceForm | None:
    """Return the form that most of these values have, or None if none of them can be read."""
    forms = [ConfidenceForm(name, divisor) for name in _READERS]
    read = {form: sum(form.read(value) is not None for value in values) for form in forms}
    best = max(forms, key=read.__getitem__)
    return best if read[best] else None


def scale_of(confidences: Sequence[float]) -> float | None:
    """Return what most of these confidences should be divided by to be from 0 to 1; None if they are, 0 if unknown."""
    outside = [number for number in confidences if not 0 <= number <= 1]
    if 2 * len(outside) <= len(confidences):
        return None
    if min(outside) < 0:
        return 0
    return next((scale for scale in (10, 100, 1000) if max(outside) <= scale), 0)
