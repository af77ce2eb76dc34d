"""Reads what the criteria declare, and names their items."""

from __future__ import annotations

import sys
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest

from drift_checks.core.errors import SettingError, nearest
from drift_checks.core.outcomes import AGREEMENT, LEAST_OF_A_RATE, Criterion
from drift_checks.core.text import safe_word
from drift_checks.plugin.criterion_files import built_in_names, criterion_name
from drift_checks.plugin.keys import MARK
from drift_checks.reviews.slices import SampleSlice
from drift_checks.settings.declarations import Settings

_REVIEW_FIXTURES = {"review", "reviews"}
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("question", "failing", "remedy", "effect"), (str,)),
    **dict.fromkeys(("warn", "critical"), (int, float, type(None))),
    "least": (int,),
    "without_baseline": (bool,),
}


def is_check(item: pytest.Item) -> bool:
    """Whether the item is a check of a criterion."""
    return item.get_closest_marker(MARK) is not None


def asks_for_reviews(item: pytest.Item) -> bool:
    """Whether the check needs reviews."""
    return bool(_REVIEW_FIXTURES & set(getattr(item, "fixturenames", ())))


def check_identity(item: pytest.Item, fixtures: Mapping[str, Collection[str]]) -> Hashable:
    """Return what tells a check from others: its function and parameters, without those that only repeat it.

    `fixtures` are those that each function asks for, by the id of its definition.
    """
    function = f"{item.parent.nodeid if item.parent else ''}::{getattr(item, 'originalname', item.name)}"
    parameters: dict[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    own = fixtures.get(function, parameters)
    return function, frozenset((name, _key(value)) for name, value in parameters.items() if name in own)


def _key(parameter: object) -> object:
    # Slices are made anew if a module is collected twice; others may not be hashable, and stay the same objects.
    return parameter if isinstance(parameter, SampleSlice) else id(parameter)


def slice_id(found: SampleSlice) -> str:
    """Return a slice's part of an item's name."""
    return f"{found.dimension}={safe_word(found.value)}"


def declared_criteria(items: Iterable[pytest.Item], settings: Settings) -> dict[str, Criterion]:
    """Return the criteria of the checks by name, with the thresholds that the settings give them.

    Raises:
        pytest.UsageError: A declaration is wrong, two criteria have one name, or a setting names an unknown criterion.
    """
    if any(name == AGREEMENT for name, *_ in settings.thresholds):
        raise pytest.UsageError(
            f"thresholds: those of {AGREEMENT} are the settings warn and critical; change those, and omit it here."
        )
    warn, critical = settings.warn, settings.critical
    criteria: dict[str, Criterion] = {}
    files: dict[str, Path] = {}
    for item in items:
        name = criterion_name(item.path)
        if files.setdefault(name, item.path) != item.path:
            raise pytest.UsageError(
                f"two criteria are named {name!r}: {files[name]} and {item.path}; rename one of the files."
            )
        reviewed = asks_for_reviews(item) or (name in criteria and criteria[name].reviewed)
        criterion = criteria[name] = _with_settings(_declared(item, name, reviewed=reviewed), settings)
        if not criterion.effect and (critical if criterion.critical is None else criterion.critical) > (
            warn if criterion.warn is None else criterion.warn
        ):
            raise pytest.UsageError(
                f"{item.path}: {MARK}: critical is above warn, one of which is the run's own (warn {warn}, critical"
                f" {critical}); give both."
            )
    _refuse_unknown(settings, sorted({*criteria, *built_in_names()}))
    return criteria


def _with_settings(criterion: Criterion, settings: Settings) -> Criterion:
    """Return the criterion with the thresholds and the least number that the settings give it."""
    thresholds = {name: bounds for name, *bounds in settings.thresholds}
    warn, critical = thresholds.get(criterion.name, (None, None))
    changes: dict[str, Any] = {"least": dict(settings.least).get(criterion.name, criterion.least)}
    if critical is not None:
        never = None if criterion.effect else 0.0
        changes["critical"] = critical if critical < inf else never
    if warn is not None:
        changes["warn"] = warn if warn < inf else _no_warning(criterion, changes)
    try:
        return replace(criterion, **changes)
    except ValueError as error:
        raise pytest.UsageError(f"thresholds: {criterion.name}: {error}.") from None


def _refuse_unknown(settings: Settings, known: Sequence[str]) -> None:
    for setting, pairs in (("thresholds", settings.thresholds), ("least", settings.least)):
        for name, *_ in pairs:
            if name not in known:
                problem, remedy = f"there is no criterion {name!r}", f"the criteria are {', '.join(known)}"
                raise pytest.UsageError(str(SettingError(setting, problem, remedy, nearest(name, known))))


def _no_warning(criterion: Criterion, changes: Mapping[str, Any]) -> float:
    """Return the threshold with which there is never a WARNING, but possibly CRITICAL."""
    critical = changes.get("critical", criterion.critical)
    never = sys.float_info.max if criterion.effect else 0.0
    return never if critical is None else float(critical)


def _declared(item: pytest.Item, name: str, *, reviewed: bool) -> Criterion:
    mark = item.get_closest_marker(MARK)
    assert mark is not None
    values: dict[str, Any] = dict(mark.kwargs)
    for key in values:
        if key not in _TYPES:
            problem, remedy = f"{MARK} has no argument {key!r}", f"its arguments are {', '.join(_TYPES)}"
            raise pytest.UsageError(str(SettingError(item.path, problem, remedy, nearest(key, _TYPES))))
    if mark.args:
        raise pytest.UsageError(f"{item.path}: name the arguments of {MARK}, as in {MARK}(question=...).")
    for key, value in values.items():
        if not isinstance(value, _TYPES[key]):
            words = " or ".join(kind.__name__ for kind in _TYPES[key]).replace("NoneType", "None")
            raise pytest.UsageError(f"{item.path}: {MARK}: {key} must be {words}, not {value!r}.")
    least = 1 if values.get("effect") else LEAST_OF_A_RATE
    try:
        return Criterion(name=name, reviewed=reviewed, **{"question": "", "least": least, **values})
    except (ValueError, TypeError) as error:
        raise pytest.UsageError(f"{item.path}: {MARK}: {error}.") from None
