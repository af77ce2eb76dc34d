"""Which table holds labelled texts, and which of its columns are what: proposals from names, types and values.

A proposal is certain only if a name, the values and the absence of a rival agree; otherwise it says why it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from drift_checks.core.records import INDISPENSABLE
from drift_checks.stores.columns.fitting import Fit, fit
from drift_checks.stores.columns.looking import Column, Table
from drift_checks.stores.columns.vocabulary import DECISION, POSSIBLE, ROLES, TITLES, TRUTHS, USUAL, in_words, strength

_RIVAL = "may be meant, too"
_PLAIN = re.compile(r"[^\s,=\"/][^,=\"/]*")


@dataclass(frozen=True)
class Proposal:
    """The column for a role, and why; `doubt` says why this is not certain.

    Attributes:
        tied: Columns that are as good.
        divisor: What the confidence is divided by.
    """

    role: str
    column: str
    reason: str
    doubt: str = ""
    tied: tuple[str, ...] = ()
    divisor: float = 1.0

    @property
    def is_certain(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.doubt

    @property
    def theirs(self) -> str:
        """The column as the setting `columns` names it, as in `score/100`."""
        name = self.column
        if not _PLAIN.fullmatch(name) or name != name.strip():
            name = '"' + name.replace('"', '""') + '"'
        return name if self.divisor == 1 else f"{name}/{self.divisor:g}"


@dataclass(frozen=True)
class Detection:
    """The columns found in a table.

    Attributes:
        proposals: By role, in the order of `ROLES`.
        unfit: By role, columns whose names fit but whose values do not, with the reason.
        given: The columns that the user named, by role.
        doubt: Why this may be the wrong table.
        tied: Tables that are as good.
    """

    table: Table
    proposals: Mapping[str, Proposal]
    unfit: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    doubt: str = ""
    tied: tuple[str, ...] = ()

    @property
    def _needed(self) -> tuple[str, ...]:
        # The number of a row can stand in for its id.
        return INDISPENSABLE[1:] if self.table.needs_no_id else INDISPENSABLE

    @property
    def missing(self) -> list[str]:
        """The indispensable roles without a column."""
        return [role for role in self._needed if role not in self.proposals and role not in self.given]

    @property
    def doubts(self) -> dict[str, Proposal]:
        """The proposals for indispensable roles that are not certain."""
        return {role: found for role, found in self.proposals.items() if role in self._needed and not found.is_certain}

    @property
    def is_weak(self) -> bool:
        """Whether the text or the category is in doubt for another reason than a second column like it."""
        return any(not item.doubt.endswith(_RIVAL) for role, item in self.doubts.items() if role != "id")

    @property
    def is_certain(self) -> bool:
        """Whether the table and its indispensable columns are certain."""
        return not (self.doubt or self.missing or self.doubts)

    @property
    def weight(self) -> tuple[int, int]:
        """How much speaks for the table: indispensable columns, then all."""
        tied = [role for role in ("text", "category") if role in self.proposals and self.proposals[role].tied]
        return -len(tied), sum(found.is_certain for found in self.proposals.values())


def detect(table: Table, given: Mapping[str, str] | None = None) -> Detection:
    """Return the columns found in a table; `given` maps roles to the columns that the user named."""
    given = given or {}
    taken = {_column_part(theirs, table) for theirs in given.values()}
    proposals: dict[str, Proposal] = {}
    unfit: dict[str, dict[str, str]] = {}
    texts: Sequence[object] = ()
    for role in ROLES:
        if role in given:
            continue
        candidates = []
        for column, how_well in _named(role, table, taken):
            found = _contract(role, column) or fit(role, column, texts)
            if found.fits:
                candidates.append((how_well, column, found))
            else:
                unfit.setdefault(role, {})[column.name] = found.reason
        proposal = _best(role, candidates) or (_any_id(table, taken) if role == "id" else None)
        if proposal is not None:
            proposals[role] = proposal
            taken.add(proposal.column)
        if role == "text":
            texts = next((column.values for column in table.columns if column.name in _texts(proposal)), ())
    left = {role: names for role, names in unfit.items() if role not in proposals}
    return Detection(table, proposals, left, given)


def choose(tables: Sequence[Table], given: Mapping[str, str] | None = None) -> list[Detection]:
    """Return the tables that may hold labelled texts, the likeliest first, which says whether that is certain."""
    found = [detect(table, given) for table in tables]
    usable = [item for item in found if not {"text", "category"} & set(item.missing)]
    usable.sort(key=lambda item: (item.weight, not item.table.is_view, item.table.size), reverse=True)
    if len(usable) < 2:
        return usable
    first, *rest = usable
    # A table of which little more than a name speaks for records is no rival of one that is certain.
    others = [item for item in rest if first.doubts or not item.is_weak]
    if not others:
        return usable
    tied = tuple(item.table.name for item in others if item.weight == first.weight)
    rivals = _listed([item.table.name for item in others])
    return [replace(first, doubt=f"{rivals} {_RIVAL}", tied=tied), *rest]


def as_pairs(proposals: Mapping[str, Proposal]) -> str:
    """Return the proposals as the setting `columns`, without columns that have our names anyway."""
    return ",".join(
        f"{role}={found.theirs}" for role, found in proposals.items() if found.theirs.lower() != role.lower()
    )


def _texts(proposal: Proposal | None) -> tuple[str, ...]:
    return () if proposal is None else (proposal.column,)


def _column_part(theirs: str, table: Table) -> str:
    """Return the name of the column in `score/100`, spelled as in the table."""
    names = {name.lower(): name for name in table.names}
    whole = theirs.lower()
    return names.get(whole) or names.get(whole.rpartition("/")[0].strip(), theirs)


def _named(role: str, table: Table, taken: set[str]) -> Iterator[tuple[Column, int]]:
    for column in table.columns:
        how_well = strength(role, column.name, table.name)
        if role == "id" and column.is_key:
            how_well = max(how_well, USUAL)
        if how_well and column.name not in taken:
            yield column, how_well


def _contract(role: str, column: Column) -> Fit | None:
    """Return a fit for an indispensable column that has our own name: its values are what they are."""
    if role not in INDISPENSABLE or column.name.lower() != role:
        return None
    found = fit(role, column)
    return found if found.fits else Fit(True, "has this name", found.reason if role == "id" else "")


def _best(role: str, candidates: Sequence[tuple[int, Column, Fit]]) -> Proposal | None:
    """Return the candidate with the strongest name, and why it may be another."""
    if not candidates:
        return None

    def first(found: tuple[int, Column, Fit]) -> tuple[bool, bool, int]:
        return found[1].name.lower() == role, role == "id" and found[1].is_key, found[0]

    ordered = sorted(candidates, key=first, reverse=True)
    exact = ordered[0][1].name.lower() == role
    how_well, column, values = ordered[0]
    proposal = Proposal(role, column.name, values.reason, values.doubt, divisor=values.divisor)
    if proposal.doubt:
        # Nobody can know whether repeated ids are a mistake.
        return replace(proposal, tied=("rowid",)) if role == "id" and exact else proposal
    rivals = [found for found in ordered[1:] if _is_rival(role, ordered[0], found)]
    if rivals:
        names = [found[1].name for found in rivals]
        equal = tuple(name for name, found in zip(names, rivals, strict=True) if found[0] == how_well and not exact)
        return replace(proposal, doubt=f"{_listed(names)} {_RIVAL}", tied=equal)
    if how_well <= POSSIBLE:
        return replace(proposal, doubt="its name says little")
    if role == "text" and in_words(column.name) in TITLES:
        return replace(proposal, doubt="it is only the title")
    if values.divisor != 1 and how_well <= USUAL:
        return replace(proposal, doubt="its name says little, and it is not from 0 to 1")
    if role == "timestamp" and how_well == DECISION and len(ordered) > 1 and not exact:
        return replace(proposal, reason=f"{values.reason}; the time of the decision, unlike {ordered[1][1].name}")
    return proposal


def _is_rival(role: str, best: tuple[int, Column, Fit], other: tuple[int, Column, Fit]) -> bool:
    """Whether the other column leaves open which of the two is meant."""
    if role == "id" and best[1].is_key:
        return False
    if role == "category" and in_words(other[1].name) in TRUTHS:
        return True
    if best[1].name.lower() == role or (role == "timestamp" and best[0] == DECISION):
        # A name of ours is meant, unless another names the decision just as clearly.
        return other[0] == best[0] == DECISION
    return other[0] > POSSIBLE


def _listed(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _any_id(table: Table, taken: set[str]) -> Proposal | None:
    """Return a column with unique short values, or the number that SQLite gives each row."""
    for column in table.columns:
        is_named = any(strength(role, column.name, table.name) for role in ROLES)
        if column.name in taken or is_named or not column.is_unique or fit("text", column).fits:
            continue
        if fit("id", column).fits and not any(isinstance(value, float) for value in column.present):
            return Proposal("id", column.name, "occurs once in each row", "its name says little")
    if table.row_id is not None and not table.needs_no_id and table.row_id not in table.names:
        return Proposal("id", table.row_id, "SQLite's number of the row", "no column tells the rows apart")
    return None
