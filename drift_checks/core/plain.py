"""Dataclasses as plain values (dicts, lists, strings, numbers) and back, for JSON and for other processes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

from drift_checks.core.instants import format_instant

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# What reads a document afterwards may be recursive.
_DEEPEST = 64
_NESTED = (dict, list)
_TOO_DEEP = "it is nested too deeply"
Value = TypeVar("Value")


def to_plain(value: object) -> Any:
    """Return the value as dicts, lists, strings, numbers and None.

    Dataclasses become dicts, arrays of numpy lists, instants ISO 8601 in UTC; anything unknown becomes its `str()`.
    """
    # Not pydantic's own: it garbles keys that are not Unicode, and refuses unknown types.
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {item.name: to_plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else str(value)


def to_json(value: object, indent: int | None = None) -> str:
    """Return plain values as JSON that strict parsers read: null in place of NaN and infinities, no lone surrogates.

    Unknown types become their `str()`.
    """
    try:
        return _unicode(json.dumps(value, indent=indent, default=str, allow_nan=False))
    except ValueError:
        return _unicode(json.dumps(finite(value), indent=indent, default=str))


def read_json(text: str | bytes) -> Any:
    """Return what a JSON document holds; raise ValueError if it is not one, or has numbers beyond those of floats."""
    try:
        found = json.loads(text, parse_constant=_refuse, parse_float=_read_float, parse_int=_read_int)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level = [found] if isinstance(found, _NESTED) else []
    for _ in range(_DEEPEST):
        if not level:
            return found
        inner = [item.values() if isinstance(item, dict) else item for item in level]
        level = [item for items in inner for item in items if isinstance(item, _NESTED)]
    raise ValueError(_TOO_DEEP)


def from_plain(kind: type[Value], plain: object) -> Value:
    """Return the value, of a type such as `list[Outcome]`, from which `to_plain` made this, perhaps through JSON.

    Keys that the type lacks are ignored. Raises ValueError if the plain values do not fit.
    """
    declared: Any = kind
    value: Value = _adapter(declared).validate_python(plain)
    return value


# A surrogate in ASCII JSON, after any number of escaped backslashes, and the second one of a pair.
_SURROGATE = re.compile(
    r"((?<!\\)(?:\\\\)*)\\u(?:(d[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})|(d[89a-f][0-9a-f]{2}))", re.IGNORECASE
)


def _unicode(text: str) -> str:
    """Return ASCII JSON with lone surrogates, as in names of files that are not Unicode, written out."""
    return _SURROGATE.sub(lambda found: found[0] if found[2] else f"{found[1]}\\\\u{found[3]}", text)


def finite(value: Any) -> Any:
    """Return plain values with None in place of NaN and infinities, which JSON lacks."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is not a number of JSON")


def _read_float(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _refuse(text[:20])


def _read_int(text: str) -> int:
    _read_float(text)
    return int(text)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    # pydantic takes 0.1 s to import, which a session without criteria need not pay.
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
