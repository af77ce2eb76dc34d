"""Dataclasses as plain values (dicts, lists, strings, numbers) and back, for JSON and for other processes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Value = TypeVar("Value")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    # pydantic takes 0.1 s to import, which a session without criteria need not pay.
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def to_plain(value: object, kind: Any = None) -> Any:
    """Return the value as dicts, lists, strings, numbers and None.

    Args:
        value: A dataclass, or a container of dataclasses.
        kind: Its type, where that is not `type(value)`, as for `list[Outcome]`.
    """
    declared: Any = kind or type(value)
    return _adapter(declared).dump_python(value, mode="json")


def from_plain(kind: type[Value], plain: object) -> Value:
    """Return the value of which `to_plain` made this, by way of JSON too.

    Args:
        kind: The type of the value.
        plain: The plain values.

    Raises:
        ValueError: They do not fit the type.
    """
    declared: Any = kind
    value: Value = _adapter(declared).validate_python(plain)
    return value


def without_arrays(value: Any) -> Any:
    """Return the value with numbers and arrays of numpy as Python's own."""
    if isinstance(value, Mapping):
        return {str(key): without_arrays(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_arrays(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value
