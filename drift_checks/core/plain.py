"""Dataclasses as plain values (dicts, lists, strings, numbers) and back, for JSON and for other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from drift_checks.core.instants import format_instant

if TYPE_CHECKING:
    from pydantic import TypeAdapter

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


def from_plain(kind: type[Value], plain: object) -> Value:
    """Return the value, of a type such as `list[Outcome]`, from which `to_plain` made this, perhaps through JSON.

    Keys that the type lacks are ignored. Raises ValueError if the plain values do not fit.
    """
    declared: Any = kind
    value: Value = _adapter(declared).validate_python(plain)
    return value


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    # pydantic takes 0.1 s to import, which a session without criteria need not pay.
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
