"""What only the user can say about a store: asked on a terminal, taken as proposed with `--yes`, or refused."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum

from drift_checks.core.addresses import Location
from drift_checks.core.errors import NothingToReview, SettingError
from drift_checks.core.records import INDISPENSABLE
from drift_checks.core.text import printable
from drift_checks.settings.declarations import Settings
from drift_checks.stores.columns.completion import suggestion
from drift_checks.stores.columns.detection import Detection, Proposal, choose, detect
from drift_checks.stores.columns.fitting import fit
from drift_checks.stores.columns.looking import Table
from drift_checks.stores.columns.vocabulary import ROLES

# Roles that are worth a question if they are in doubt.
_ASKED = (*INDISPENSABLE, "confidence", "timestamp")
_NONE = "none"
_DECISION = ("text", "category")
_MOST_REASONS = 3

Ask = Callable[[str], str]


class Manner(Enum):
    """How doubts are settled."""

    ASK = "ask"
    ACCEPT = "accept what is likeliest"
    REFUSE = "refuse"


def choose_table(db: Location, tables: Sequence[Table], settings: Settings, manner: Manner, ask: Ask) -> Detection:
    """Return what was found in the table of records.

    Raises:
        SettingError: No table has texts and categories, or which one is meant is open.
    """
    given = dict(settings.columns)
    named = [table for table in tables if table.name.lower() == settings.table.lower()]
    if named:
        return _filled(db, detect(named[0], given))
    if "table" in settings.sources:
        raise SettingError("table", f"{db} has no table {settings.table!r}", f"it has {_names(tables)}")
    found = choose(tables, given)
    if not found:
        unfit = (detect(table, given).unfit for table in tables)
        why = [
            f"{name} {reason}" for roles in unfit for role in _DECISION for name, reason in roles.get(role, {}).items()
        ]
        there = "; ".join([f"it has {_names(tables) or 'no table'}", *why[:_MOST_REASONS]])
        raise SettingError(
            db,
            f"no table has a column of texts and one of categories ({there})",
            "name them with --drift-table=NAME --drift-columns=text=NAME,category=NAME",
        )
    first = found[0]
    if first.doubt and (manner is Manner.REFUSE or (manner is Manner.ACCEPT and first.tied)):
        problem = f"it is not certain which table holds the records: {first.table.name}, but {first.doubt}"
        raise SettingError(db, problem, f"add --drift-table={shlex.quote(first.table.name)}, or name another")
    if first.doubt and manner is Manner.ASK:
        by_name = {item.table.name: item for item in found}
        answer = _ask_one_of(ask, "Which table holds the records?", list(by_name), first.table.name)
        first = by_name[answer]
    return _filled(db, replace(first, doubt="", tied=()))


def settle(db: Location, found: Detection, settings: Settings, manner: Manner, ask: Ask) -> Detection:
    """Return the columns without doubts; optional ones that stay in doubt are left out, with the reason.

    Raises:
        SettingError: An indispensable column is missing, or in doubt and nobody can be asked.
    """
    proposals = dict(found.proposals)
    unfit = {role: dict(names) for role, names in found.unfit.items()}
    for role in _ASKED:
        item = proposals.get(role)
        is_open = item is None and role in found.missing
        if not is_open and (item is None or item.is_certain):
            continue
        if manner is Manner.ASK:
            answered = _ask_column(ask, found.table, role, item)
        elif item is None or item.tied or manner is Manner.REFUSE:
            answered = None
            if is_open or role in found.doubts:
                raise _refusal(db, found, settings)
        else:
            answered = replace(item, doubt="")
        proposals.pop(role, None)
        if answered is not None:
            proposals[role] = answered
        elif item is not None:
            unfit.setdefault(role, {})[item.column] = f"may be it, but {item.doubt}"
    certain = {role: proposals[role] for role in ROLES if role in proposals and proposals[role].is_certain}
    return replace(found, proposals=certain, unfit=unfit)


def _filled(db: Location, found: Detection) -> Detection:
    """Return the same unless there is no row to learn from or to review."""
    if not found.table.size:
        raise NothingToReview(db, f"{found.table.name} is empty", "run init again when there are records in it")
    return found


def _refusal(db: Location, found: Detection, settings: Settings) -> SettingError:
    options = suggestion(found, settings)
    missing = found.missing
    if missing:
        unfit = "; ".join(f"{name} {why}" for role in missing for name, why in found.unfit.get(role, {}).items())
        pairs = ",".join(f"{role}=NAME" for role in missing)
        columns = f"it has {', '.join(found.table.names)}"
        return SettingError(
            f"{db}, {found.table.name}",
            f"no column is the {' or the '.join(missing)} ({'; '.join(filter(None, (columns, unfit)))})",
            f"name it with --drift-columns={pairs}",
        )
    doubts = "; ".join(f"{role} may be {item.column}, but {item.doubt}" for role, item in found.doubts.items())
    accept = "" if any(item.tied for item in found.doubts.values()) else ", or accept it with --yes"
    return SettingError(f"{db}, {found.table.name}", doubts, f"if this is right, add {shlex.join(options)}{accept}")


def _ask_column(ask: Ask, table: Table, role: str, item: Proposal | None) -> Proposal | None:
    names, default = list(table.names), "" if item is None else item.theirs
    if item is not None:
        # A divisor, or the number of the row, is an answer too.
        names = [item.theirs, *(name for name in names if name != item.column)]
    if role not in INDISPENSABLE:
        names.append(_NONE)
    question = f"Which column is the {role}?" + (f" {item.column}: {item.reason}; {item.doubt}." if item else "")
    answer = _ask_one_of(ask, question, names, default)
    if answer == _NONE and role not in INDISPENSABLE:
        return None
    if item is not None and answer == default:
        return replace(item, doubt="")
    column = next(column for column in table.columns if column.name == answer)
    found = fit(role, column)
    return Proposal(
        role, answer, "as you said" if found.fits else f"as you said, although it {found.reason}", divisor=found.divisor
    )


def _ask_one_of(ask: Ask, question: str, names: Sequence[str], default: str) -> str:
    by_name = {name.lower(): name for name in reversed(names)}
    text = (
        f"{question} ({', '.join(printable(name) for name in names)}){f' [{printable(default)}]' if default else ''} "
    )
    while True:
        answer = ask(text).strip() or default
        if answer.lower() in by_name:
            return by_name[answer.lower()]
        text = f"{printable(answer)!r} is not one of them; {question} "


def _names(tables: Sequence[Table]) -> str:
    return ", ".join(table.name for table in tables)
