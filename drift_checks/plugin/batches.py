"""Batches: one item of pytest that checks many records of a sample, each with its own outcome.

An item costs pytest half a millisecond and some kilobytes, whatever it checks.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drift_checks.core.outcomes import Outcome, Result
from drift_checks.core.records import Record
from drift_checks.core.text import count
from drift_checks.plugin import fixtures
from drift_checks.plugin.keys import MARK

# A sample of more records is checked in batches. `-k` finds a record by its id in one of 500 and the baseline.
MOST_ITEMS = 600
# Fixed, so that ids are the same each time.
_SIZE = 250
# How many records the message of a batch names.
_NAMED = 5
# Marks that mean the same for a batch as for each of its records.
_HARMLESS_MARKS = {MARK, "parametrize", "usefixtures", "filterwarnings", "skip", "skipif"}


@dataclass(frozen=True, eq=False)
class RecordBatch:
    """The value of the parameter `record` of an item that checks several records."""

    name: str
    records: Sequence[Record]


def batches_of(records: Sequence[Record]) -> list[RecordBatch]:
    """Return the records in batches, in the order of the sample."""
    starts = range(0, len(records), _SIZE)
    return [RecordBatch(f"batch-{number}", records[start : start + _SIZE]) for number, start in enumerate(starts, 1)]


def records_of(item: pytest.Item) -> Sequence[Record]:
    """Return the records that the item checks, none for a check of the whole store."""
    found = _parameter(item)
    if isinstance(found, RecordBatch):
        return found.records
    return (found,) if isinstance(found, Record) else ()


def is_batch(item: pytest.Item) -> bool:
    """Whether the item checks a batch of records."""
    return isinstance(_parameter(item), RecordBatch)


def _parameter(item: pytest.Item) -> object:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("record") if callspec else None


def can_be_batched(metafunc: pytest.Metafunc) -> bool:
    """Whether to call the check for each record of a batch is the same as to run an item for each record.

    It is not for methods and coroutines, with marks that concern a single item, and with fixtures that are made anew
    for each item, other than those of this package.
    """
    function, definition = metafunc.function, metafunc.definition
    is_plain = inspect.isfunction(function) and not (
        inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
        or hasattr(function, "is_hypothesis_test")
    )
    if metafunc.cls is not None or not is_plain:
        return False
    if not {mark.name for mark in definition.iter_markers()} <= _HARMLESS_MARKS:
        return False
    # There is no public way.
    info = definition._fixtureinfo
    if "request" in info.argnames:
        return False
    used = [name for mark in definition.iter_markers("usefixtures") for name in mark.args]
    asked = _with_their_own([*info.argnames, *used], info.name2fixturedefs)
    return not any(
        _is_per_item(found, metafunc.module, by_name=name in asked)
        for name, definitions in info.name2fixturedefs.items()
        for found in definitions
    )


def _with_their_own(names: Iterable[str], definitions: dict[str, Sequence[pytest.FixtureDef[Any]]]) -> set[str]:
    """Return the names of these fixtures and of those that they ask for."""
    left, found = list(names), set[str]()
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [other for definition in definitions.get(name, ()) for other in definition.argnames]
    return found


def _is_per_item(fixture: pytest.FixtureDef[Any], module: Any, *, by_name: bool) -> bool:
    """Whether the check must be an item for each record because of this fixture.

    What a plugin adds to every test, such as resetting a mailbox, is done once for a batch.
    """
    if fixture.scope != "function" or fixture.func.__module__ == fixtures.__name__:
        return False
    file = Path(inspect.getfile(inspect.unwrap(fixture.func)))
    is_of_user = file.name == "conftest.py" or str(file) == module.__file__ or fixture.argname.startswith("_xunit")
    return by_name or is_of_user or not {"record", "review"}.isdisjoint(fixture.argnames)


def summary(outcomes: Sequence[Outcome], result: Result) -> str | None:
    """Return how many records of a batch have this result, and the first of them with their messages; None if none."""
    found = [item for item in outcomes if item.result is result]
    if not found:
        return None
    named = [f"{item.record_id}: {item.message}" if item.message else f"{item.record_id}" for item in found[:_NAMED]]
    more = [f"and {len(found) - _NAMED} more"] if len(found) > _NAMED else []
    return f"{len(found)} of {count(len(outcomes), 'record')}: {'; '.join([*named, *more])}"
