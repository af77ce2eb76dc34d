"""Whether the values of a column can be what its name says: ids, texts, categories, confidences, times, vectors."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import NamedTuple

from drift_checks.core.records import BrokenText, as_text, decoded, read_number
from drift_checks.core.text import count, printable, quoted
from drift_checks.stores.columns.confidences import confidence_form, scale_of
from drift_checks.stores.columns.looking import LONGEST, Column
from drift_checks.stores.columns.timestamps import timestamp_form
from drift_checks.stores.embeddings import read_embedding

_SHORTEST_TEXT = 10
_LONGEST_NAME = 100
# From so many rows on, categories must occur more than once.
_ENOUGH = 20
_MOST = 0.95
_SHOWN = 3
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
# The numbers in a vector, at least.
_LEAST_DIMENSION = 8


class Fit(NamedTuple):
    """Whether the values fit, in words; `doubt` says why that is not certain."""

    fits: bool
    reason: str
    doubt: str = ""
    divisor: float = 1.0


def fit(role: str, column: Column, texts: Sequence[object] = ()) -> Fit:
    """Return whether the values of a column fit a role; `texts` are the texts in the same rows, if they are known."""
    values = column.present
    if not column.values:
        return Fit(True, "by its name", "the table is empty")
    if not values:
        return Fit(False, "is empty in all rows looked at")
    if role == "text_hash":
        return _hash(column, texts)
    return _FITS.get(role, _short)(column, values)


def _id(column: Column, values: list[object]) -> Fit:
    if any(isinstance(value, float) and not value.is_integer() for value in values):
        return Fit(False, "is not a whole number or text")
    if max(len(as_text(value)) for value in values) > _LONGEST_NAME:
        return Fit(False, "is too long for an id")
    if column.is_key:
        return Fit(True, "primary key")
    repeated, times = Counter(values).most_common(1)[0]
    if times > 1:
        return Fit(False, f"{quoted(repeated, 40)} occurs {times} times in {count(len(values), 'row')}")
    if len(values) < len(column.values):
        return Fit(False, f"is empty in {count(len(column.values) - len(values), 'row')}")
    if column.is_unique is False:
        return Fit(False, "occurs again in other rows")
    return Fit(True, "occurs once in each row" + ("" if column.is_unique else " looked at"))


def _text(_: Column, values: list[object]) -> Fit:
    texts = [text for value in values if isinstance(text := _decoded(value), str)]
    if len(texts) < _MOST * len(values):
        return Fit(False, "is not text")
    length = sum(map(len, texts)) / len(texts)
    worded = sum(" " in text.strip() or not text.isascii() for text in texts)
    if sum(text.lstrip()[:1] in ("[", "{") for text in texts) > len(texts) / 2:
        return Fit(True, f"{length:,.0f} characters on average", "it looks like JSON")
    if length < _SHORTEST_TEXT or 2 * worded < len(texts):
        return Fit(False, f"holds words rather than texts, as in {quoted(texts[0], 40)}")
    different = len(set(texts))
    if len(texts) >= _ENOUGH and different < len(texts) / 10:
        return Fit(False, f"has only {count(different, 'value')} in {count(len(texts), 'row')}")
    return Fit(True, f"{length:,.0f} characters on average")


def _category(_: Column, values: list[object]) -> Fit:
    if any(isinstance(value, float) and not value.is_integer() for value in values):
        return Fit(False, "is a fraction")
    names = [as_text(value).strip() for value in values]
    counts = Counter(names)
    if max(map(len, names)) > _LONGEST_NAME:
        return Fit(False, "holds texts rather than names of categories")
    if len(counts) == len(names) and len(names) > 1:
        return Fit(False, "has as many values as rows")
    if len(names) >= _ENOUGH and 2 * len(counts) > len(names):
        return Fit(False, f"has {count(len(counts), 'value')} in {count(len(names), 'row')}")
    most = ", ".join(printable(name, 24) for name, _ in counts.most_common(_SHOWN))
    more = ", …" if len(counts) > _SHOWN else ""
    reason = f"{count(len(counts), 'value')}: {most}{more}"
    if len(counts) == 1:
        return Fit(True, reason, "all rows looked at have the same value")
    if sum(name.startswith(("[", "{")) for name in names) > len(names) / 2:
        return Fit(True, reason, "it looks like a list of categories")
    return Fit(True, reason)


def _confidence(_: Column, values: list[object]) -> Fit:
    form = confidence_form(values)
    numbers = [] if form is None else [number for number in map(form.read, values) if number is not None]
    if len(numbers) < _MOST * len(values):
        return Fit(False, f"is not a number, as in {quoted(values[0], 40)}")
    low, high = min(numbers), max(numbers)
    span = f"from {low:.3g} to {high:.3g}"
    if high <= 0 and low < 0:
        return Fit(False, f"runs {span}, as logarithms of probabilities do")
    scale = scale_of(numbers)
    whole = all(number.is_integer() for number in numbers)
    if scale == 0:
        return Fit(False, f"runs {span}, which is no share or percentage")
    if scale is None:
        if whole and not (low == high == 1):
            return Fit(False, "is 0 or 1, as a flag is")
        outside = "" if low >= 0 and high <= 1 else "not all are from 0 to 1"
        return Fit(True, span, outside or _constant(numbers))
    doubt = "" if scale == 100 and high > 10 and not (whole and len(set(numbers)) <= 5) else f"it may not be of {scale}"
    return Fit(True, f"{span}, so out of {scale}", doubt or _constant(numbers), scale)


def _constant(numbers: Sequence[float]) -> str:
    return "all rows looked at have the same value" if len(set(numbers)) == 1 and len(numbers) > 1 else ""


def _timestamp(_: Column, values: list[object]) -> Fit:
    form = timestamp_form(values)
    moments = [] if form is None else [moment for value in values if (moment := form.read(value, UTC))]
    if form is None or len(moments) < _MOST * len(values):
        wrong = next((value for value in values if form is None or form.read(value, UTC) is None), values[0])
        return Fit(False, f"is not a time that can be read, as in {quoted(wrong, 40)}")
    return Fit(True, f"{form.name}, from {min(moments):%Y-%m-%d} to {max(moments):%Y-%m-%d}")


def _hash(column: Column, texts: Sequence[object]) -> Fit:
    values = column.present
    if not all(len(as_text(value)) == 64 and _HEXADECIMAL.issuperset(as_text(value)) for value in values):
        return Fit(False, "is not a SHA-256 in hexadecimal digits")
    pairs = [
        (as_text(stored).lower(), text)
        for stored, text in zip(column.values, texts, strict=False)
        if stored is not None and isinstance(text, str) and not isinstance(text, BrokenText) and len(text) < LONGEST
    ]
    same = sum(hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() == stored for stored, text in pairs)
    if not pairs or same < len(pairs) / 2:
        return Fit(False, "is not the SHA-256 of the text")
    return Fit(True, "the SHA-256 of the text")


def _vector(_: Column, values: list[object]) -> Fit:
    if all(isinstance(value, str) and _begins_an_array(value) for value in values):
        return Fit(True, "arrays of numbers in JSON")
    if all(isinstance(value, bytes) for value in values):
        vectors = [vector for value in values if (vector := read_embedding(value)) is not None]
        if len(vectors) < _MOST * len(values) or vectors[0].size < _LEAST_DIMENSION:
            return Fit(False, "is a BLOB, but not of 32-bit or 64-bit floating-point numbers")
        return Fit(True, f"BLOBs of {vectors[0].size} numbers")
    return Fit(False, "is not an array of numbers in JSON or in a BLOB")


def _begins_an_array(text: str) -> bool:
    # The end may be cut.
    start = text.strip()[1:].split(",")[:_LEAST_DIMENSION]
    try:
        return text.lstrip().startswith("[") and all(
            isinstance(json.loads(part.strip(" ]")), int | float) for part in start
        )
    except ValueError:
        return False


def _amount(_: Column, values: list[object]) -> Fit:
    numbers = [read_number(value) for value in values]
    fits = all(number is not None and number >= 0 for number in numbers)
    return Fit(fits, "numbers from 0" if fits else f"is not a number, as in {quoted(values[0], 40)}")


def _name(_: Column, values: list[object]) -> Fit:
    """Unique names, as those of vectors in Chroma."""
    unique = all(isinstance(value, str) for value in values) and len(set(values)) == len(values)
    return Fit(unique, "occurs once in each row" if unique else "is not a text that occurs once in each row")


def _words(_: Column, values: list[object]) -> Fit:
    fits = all(isinstance(value, str) for value in values)
    return Fit(fits, "text" if fits else "is not text")


def _short(_: Column, values: list[object]) -> Fit:
    """Versions and sources: few different names."""
    names = Counter(as_text(value) for value in values)
    if max(map(len, names)) > _LONGEST_NAME or (len(values) >= _ENOUGH and 2 * len(names) > len(values)):
        return Fit(False, f"has {count(len(names), 'value')} in {count(len(values), 'row')}")
    most = ", ".join(printable(name, 24) for name, _ in names.most_common(2))
    return Fit(True, most if len(names) <= 2 else f"{most}, …")


def _decoded(value: object) -> object:
    if isinstance(value, bytes):
        text = decoded(value)
        return None if isinstance(text, BrokenText) else text
    return value


_Check = Callable[[Column, list[object]], Fit]
_FITS: dict[str, _Check] = {
    "id": _id,
    "text": _text,
    "category": _category,
    "confidence": _confidence,
    "timestamp": _timestamp,
    "chroma_id": _name,
    "embedding_json": _vector,
    "evidence": _words,
    "rationale": _words,
    "response_time_ms": _amount,
    "input_tokens": _amount,
    "output_tokens": _amount,
    "archive_version": _amount,
    "last_reviewed_at": _timestamp,
    "review_count": _amount,
}
