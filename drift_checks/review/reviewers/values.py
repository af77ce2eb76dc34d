"""Values of an answer, whoever gave it."""

from __future__ import annotations

from drift_checks.core.records import read_number


def read_confidence(value: object) -> float | None:
    """Return the number from 0 to 1 that a value holds, as text or as a number of any library, else None."""
    if "bool" in type(value).__name__:
        return None
    try:
        number = read_number(value if isinstance(value, str | int | float) else float(value))  # type: ignore[arg-type]
    except Exception:
        # Whatever another library makes of a value that is no number.
        return None
    return number if number is not None and 0 <= number <= 1 else None


def read_text(value: object) -> str | None:
    """Return the text that a value is, None where it is none or empty."""
    return value if isinstance(value, str) and value else None
