"""Which files are criteria, what they declare, and their items' parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from drift_checks.errors import nearest
from drift_checks.plugin.keys import MARK
from drift_checks.records import Record
from drift_checks.reporting.outcome import Criterion

CRITERIA = Path(__file__).resolve().parent.parent / "criteria"
_REVIEW_FIXTURES = {"review", "reviews"}
_DECLARATION = re.compile(rf"^[^#\n]*\bmark\.{MARK}\b", re.MULTILINE)
# A digest as an id stands whole.
_LONGEST_ID = 100
_LONGEST_LABEL = 40


class CriterionModule(pytest.Module):
    """A built-in criterion: its checks are its `test_` functions, whatever an ini file says."""

    def funcnamefilter(self, name: str) -> bool:
        """Whether a function is a check."""
        return name.startswith("test_")

    def classnamefilter(self, name: str) -> bool:
        """Whether a class holds checks; criteria have none."""
        return False


def is_built_in(path: Path) -> bool:
    """Whether the file is one of the criteria folder."""
    named_so = path.name.startswith("test_") and path.suffix == ".py" and path.parent.name == CRITERIA.name
    return named_so and path.parent.resolve() == CRITERIA


def is_criterion(path: Path) -> bool:
    """Whether the file declares a criterion; read as text, since importing it here would be too early."""
    if is_built_in(path):
        return True
    try:
        return path.suffix == ".py" and _DECLARATION.search(path.read_text(encoding="utf-8")) is not None
    except (OSError, UnicodeDecodeError):
        return False


def refuse_other_copy(path: Path) -> None:
    """Refuse a checkout's criteria where another copy of the package is the one that is installed.

    Raises:
        pytest.UsageError: With the remedy; pytest would speak of an import file mismatch.
    """
    if path.parent.parts[-2:] == CRITERIA.parts[-2:] and path.parent.resolve() != CRITERIA:
        raise pytest.UsageError(
            f"{path.parent}: the package that is installed is another copy, {CRITERIA.parent}; install this checkout"
            " with `pip install -e .`, or review with scripts/review."
        )


def built_in_names() -> set[str]:
    """Return the names of the criteria that come with the package or were dropped into its folder."""
    return {criterion_name(path) for path in CRITERIA.glob("test_*.py")}


def criterion_name(path: Path) -> str:
    """Return the name of the criterion that the file holds."""
    return path.stem.removeprefix("test_")


def is_check(item: pytest.Item) -> bool:
    """Whether the item is a check of a criterion."""
    return item.get_closest_marker(MARK) is not None


def asks_for_reviews(item: pytest.Item) -> bool:
    """Whether the check needs the reviewer's decisions."""
    return bool(_REVIEW_FIXTURES & set(getattr(item, "fixturenames", ())))


def record_of(item: pytest.Item) -> Record | None:
    """Return the record that the check is of, None for a check of the whole store."""
    callspec = getattr(item, "callspec", None)
    record = callspec.params.get("record") if callspec else None
    return record if isinstance(record, Record) else None


def item_id(record: Record) -> str:
    """Return a record's part of an item's name: its id, and its category made fit for a command line."""
    return f"{_word(record.id)[:_LONGEST_ID]}-{_word(record.category)[:_LONGEST_LABEL]}"


def _word(value: object) -> str:
    return re.sub(r"[^\w.-]+", "_", str(value))


def declared_criteria(items: Iterable[pytest.Item], warn: float, critical: float) -> dict[str, Criterion]:
    """Return the criteria that the items are checks of, by name.

    Args:
        items: Checks.
        warn: The run's own threshold, for criteria without one.
        critical: Likewise.

    Raises:
        pytest.UsageError: A declaration is wrong, or two criteria have one name.
    """
    criteria: dict[str, Criterion] = {}
    files: dict[str, Path] = {}
    for item in items:
        name = criterion_name(item.path)
        if files.setdefault(name, item.path) != item.path:
            raise pytest.UsageError(
                f"two criteria are called {name!r}: {files[name]} and {item.path}; rename one of the files."
            )
        reviewed = asks_for_reviews(item) or (name in criteria and criteria[name].reviewed)
        criterion = criteria[name] = _declared(item, name, reviewed=reviewed)
        if (critical if criterion.critical is None else criterion.critical) > (
            warn if criterion.warn is None else criterion.warn
        ):
            raise pytest.UsageError(
                f"{item.path}: {MARK}: critical lies above warn, where one of the two is the run's own (warn {warn},"
                f" critical {critical}); give both."
            )
    return criteria


def _declared(item: pytest.Item, name: str, *, reviewed: bool) -> Criterion:
    mark = item.get_closest_marker(MARK)
    assert mark is not None
    allowed = [field.name for field in fields(Criterion) if field.name not in ("name", "reviewed")]
    values: dict[str, Any] = dict(mark.kwargs)
    for key in values:
        if key not in allowed:
            raise pytest.UsageError(
                f"{item.path}: {MARK} has no argument {key!r}{nearest(key, allowed) or ''}; allowed are"
                f" {', '.join(allowed)}."
            )
    if mark.args:
        raise pytest.UsageError(f"{item.path}: give {MARK}'s arguments by name, as in {MARK}(question=...).")
    for key, value in values.items():
        _refuse_type(item.path, key, value)
    try:
        return Criterion(name=name, reviewed=reviewed, **{"question": "", **values})
    except (ValueError, TypeError) as error:
        raise pytest.UsageError(f"{item.path}: {MARK}: {error}.") from None


_TYPES = {
    "question": (str,),
    "failing": (str,),
    "remedy": (str,),
    "warn": (int, float, type(None)),
    "critical": (int, float, type(None)),
    "least": (int,),
    "without_baseline": (bool,),
}


def _refuse_type(path: Path, key: str, value: object) -> None:
    if not isinstance(value, _TYPES[key]):
        words = " or ".join(kind.__name__ for kind in _TYPES[key]).replace("NoneType", "None")
        raise pytest.UsageError(f"{path}: {MARK}: {key} must be {words}, not {value!r}.")
