"""Types of a server's columns: values are read as SQLite would hold them, and compared as the server does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

_BIGGEST = 2**63


class Moment(sa.types.TypeDecorator[Any]):
    """A timestamp or a date, read as a text in ISO 8601: with a `Z`, if it is `zoned`."""

    impl = sa.DateTime
    cache_ok = True

    def __init__(self, zoned: bool = False) -> None:
        super().__init__(timezone=zoned)
        self.zoned = zoned

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        """Return the moment of a text that was read."""
        return datetime.fromisoformat(value) if isinstance(value, str) else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Return the text; what no datetime can hold comes as a text already."""
        if isinstance(value, datetime) and value.tzinfo is not None:
            value = f"{value.astimezone(UTC).replace(tzinfo=None)}Z"
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return None if value is None else value.isoformat()
        text = str(value).removesuffix("+00")
        return f"{text}Z" if self.zoned and text[-1:].isdigit() else text


class Decimals(sa.types.TypeDecorator[Any]):
    """Numbers of any precision, read as whole numbers or floating-point numbers."""

    impl = sa.Numeric
    cache_ok = True

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> int | float | None:
        """Return the number."""
        if not isinstance(value, Decimal):
            return None if value is None else float(value)
        is_whole = value.is_finite() and value == value.to_integral_value() and abs(value) < _BIGGEST
        return int(value) if is_whole else float(value)


class Array(sa.types.TypeDecorator[Any]):
    """An array in PostgreSQL's form, read as JSON."""

    impl = sa.String
    cache_ok = True

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Return the numbers in brackets."""
        return None if value is None else str(value).replace("{", "[").replace("}", "]").replace("NULL", "null")


class Packed(sa.types.TypeDecorator[Any]):
    """Bytes that hold a vector, marked as what they are."""

    impl = sa.LargeBinary
    cache_ok = True

    def __init__(self, form: type[bytes] = bytes) -> None:
        super().__init__()
        self.form = form

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> bytes | None:
        """Return the bytes in their form."""
        return None if value is None else self.form(value)
