"""A store whose table and columns the user did not name: what can be found with certainty completes the settings."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from drift_checks.core.errors import StoreError
from drift_checks.core.records import INDISPENSABLE
from drift_checks.settings.declarations import FOUND, Settings
from drift_checks.stores.columns.detection import Detection, as_pairs, choose, detect
from drift_checks.stores.columns.looking import column_names, look_at
from drift_checks.stores.engines.base import RecordFile


class Completion(NamedTuple):
    """The completed settings, and lines for the user on what was found."""

    settings: Settings
    lines: tuple[str, ...] = ()


def completed(settings: Settings, file: RecordFile) -> Completion:
    """Return the settings with the table and the columns that are found in the file.

    Names that the user gave come first. A store with the indispensable columns under our names in our table, or under
    the user's names, is left as it is.

    Raises:
        StoreError: The table or an indispensable column can be guessed, but is not certain.
    """
    there = column_names(file)
    names = {name.lower(): name for name in there}
    only = file.only_table
    table = only or names.get(settings.table.lower())
    is_usual = "table" not in settings.sources and only is None
    if table is not None and _is_complete(there[table], settings) and (is_usual or settings.columns):
        return Completion(settings)
    if table is None and "table" in settings.sources:
        # Opening it will say so.
        return Completion(settings)
    found = _found(file, settings, [table] if table is not None else list(there))
    if found is None or found.missing:
        return Completion(settings)
    if not found.is_certain:
        raise _uncertain(file, found, settings)
    return complete(settings, found)


def suggestion(found: Detection, settings: Settings, *, with_doubts: bool = True) -> list[str]:
    """Return the options that say what was found."""
    chosen = {role: item for role, item in found.proposals.items() if item.is_certain or with_doubts}
    pairs = ",".join(filter(None, (settings.texts.get("columns", "").strip(), as_pairs(chosen))))
    is_usual = found.table.is_file or found.table.name.lower() == Settings.table
    options = [] if is_usual else [f"--drift-table={found.table.name}"]
    return [*options, f"--drift-columns={pairs}"] if pairs else options


def _is_complete(columns: Sequence[str], settings: Settings) -> bool:
    given, there = dict(settings.columns), {name.lower() for name in columns}
    return all(given.get(role, role).lower() in there for role in INDISPENSABLE)


def _found(file: RecordFile, settings: Settings, tables: Sequence[str]) -> Detection | None:
    given = dict(settings.columns)
    if len(tables) == 1:
        table = look_at(file, tables[0])
        if "table" in settings.sources or table.is_file:
            # The names that a review uses if it is told no others.
            own = {name.lower(): name for name in table.names}
            given = {role: own[role] for role in INDISPENSABLE if role in own} | given
        return detect(table, given)
    found = choose([look_at(file, name) for name in tables], given)
    return found[0] if found else None


def _uncertain(file: RecordFile, found: Detection, settings: Settings) -> StoreError:
    options = shlex.join(suggestion(found, settings))
    if found.doubt:
        problem = f"it is not certain which table holds the records: {found.table.name}, but {found.doubt}"
    else:
        doubts = "; ".join(f"{role} may be {item.column}, but {item.doubt}" for role, item in found.doubts.items())
        columns = ", ".join(found.table.names)
        problem = f"it is not certain what the columns of {found.table.name} hold ({columns}): {doubts}"
    init = shlex.join(["drift-checks", "init", str(file.path)])
    return StoreError(file.path, problem, f"if this is right, add {options}; `{init}` shows some rows and asks")


def complete(settings: Settings, found: Detection) -> Completion:
    """Return the settings with the table and the columns that are certain."""
    certain = {role: item for role, item in found.proposals.items() if item.is_certain}
    columns: Mapping[str, str] = dict(settings.columns) | {
        role: f"{item.column}/{item.divisor:g}" if item.divisor != 1 else item.column for role, item in certain.items()
    }
    texts = {"columns": _pairs(settings, found)}
    if not found.table.is_file:
        texts["table"] = found.table.name
    sources = {key: FOUND for key in texts if key not in settings.sources and texts[key]}
    if settings.columns:
        sources["columns"] = settings.sources["columns"]
    done = replace(
        settings,
        table=texts.get("table", settings.table),
        columns=tuple(columns.items()),
        sources={**settings.sources, **sources},
        texts={**settings.texts, **texts},
    )
    return Completion(done, tuple(_lines(found)))


def _pairs(settings: Settings, found: Detection) -> str:
    certain = {role: item for role, item in found.proposals.items() if item.is_certain}
    return ",".join(filter(None, (settings.texts.get("columns", "").strip(), as_pairs(certain))))


def _lines(found: Detection) -> Iterator[str]:
    renamed = [
        f"{role}={item.theirs}"
        for role, item in found.proposals.items()
        if item.is_certain and item.theirs.lower() != role
    ]
    if renamed:
        yield f"{', '.join(renamed)} (found; --drift-columns overrides)"
    for role, item in found.proposals.items():
        if not item.is_certain:
            yield f"{role} may be {item.column}, but {item.doubt}: --drift-columns={role}={item.theirs} uses it"
