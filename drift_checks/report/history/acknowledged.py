"""The acknowledgements in a history."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drift_checks.core.plain import read_json
from drift_checks.report.acknowledgements import Acknowledgement
from drift_checks.report.history.database import History
from drift_checks.report.history.reading import HistoryView
from drift_checks.report.history.rows import bound, insert, instant, read, store_of, store_row
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.journal import first_of_future
from drift_checks.stores.identity import StoreIdentity

_OF_STORE = "db = :db AND table_name = :table_name AND collection = :collection"
_SAME = "record_id IS :record_id AND criterion IS :criterion"


@dataclass(frozen=True)
class KeptAcknowledgement:
    """An acknowledgement with the reason why it ended, or when it was withdrawn."""

    acknowledgement: Acknowledgement
    ended: str | None
    withdrawn: datetime | None


def kept_acknowledgements(history: HistoryView) -> list[KeptAcknowledgement]:
    """Return all acknowledgements in a history, oldest first.

    Raises:
        ReportsError: It cannot be read.
    """
    with history.reading() as connection:
        if connection is None:
            return []
        return [_kept(row) for row in connection.execute("SELECT * FROM acknowledgements ORDER BY number").fetchall()]


class Acknowledgements:
    """The acknowledgements in a history; if its version is newer, nothing is read or written.

    Raises:
        ReportsError: By each method: it cannot be read or written, and is unchanged.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def of_store(self, store: StoreIdentity) -> list[Acknowledgement]:
        """Return the acknowledgements of a store whose end was not reported yet."""
        kept = kept_acknowledgements(self._history)
        return [
            item.acknowledgement
            for item in kept
            if item.acknowledgement.store == store and item.ended is None and item.withdrawn is None
        ]

    def add(self, item: Acknowledgement) -> tuple[int, int | None]:
        """Store an acknowledgement and withdraw an open one of the same record or criterion.

        Return its number, 0 if nothing can be stored, and that of the replaced one.
        """
        row = _row(item)
        open_one = f"{_OF_STORE} AND {_SAME} AND ended IS NULL AND withdrawn IS NULL"
        with self._history.changing() as connection:
            if connection is None:
                return 0, None
            query = f"SELECT max(number) AS number FROM acknowledgements WHERE {open_one}"  # noqa: S608
            replaced = connection.execute(query, row).fetchone()["number"]
            connection.execute(f"UPDATE acknowledgements SET withdrawn = :made WHERE {open_one}", row)  # noqa: S608
            return insert(connection, "acknowledgements", row), replaced

    def withdraw(self, number: int, moment: datetime) -> None:
        """End an acknowledgement by hand; its end is not reported."""
        with self._history.changing() as connection:
            if connection is not None:
                query = "UPDATE acknowledgements SET withdrawn = ? WHERE number = ?"
                connection.execute(query, (instant(moment), number))

    def end(self, ended: Mapping[int, str], run_id: str) -> None:
        """Store that a run has reported why acknowledgements ended, by their numbers."""
        with self._history.changing() as connection:
            if connection is not None:
                query = "UPDATE acknowledgements SET ended = ?, ended_told = ? WHERE number = ?"
                connection.executemany(query, [(bound(why), bound(run_id), number) for number, why in ended.items()])


def _row(item: Acknowledgement) -> dict[str, Any]:
    return store_row(item.store) | {
        "record_id": bound(item.record_id),
        "stored": bound(item.stored),
        "reviewed": bound(item.reviewed),
        "criterion": bound(item.criterion),
        "verdict": None if item.verdict is None else str(item.verdict),
        "until": instant(item.until),
        "reason": bound(item.reason),
        "made": instant(item.made),
        "versions": json.dumps(dict(item.versions)),
    }


def _kept(row: sqlite3.Row) -> KeptAcknowledgement:
    values = read(row)
    withdrawn, verdict = values["withdrawn"], values["verdict"]
    return KeptAcknowledgement(
        Acknowledgement(
            number=values["number"],
            store=store_of(values),
            until=datetime.fromisoformat(values["until"]),
            reason=values["reason"],
            made=datetime.fromisoformat(values["made"]),
            versions=read_json(values["versions"]),
            record_id=values["record_id"],
            stored=values["stored"],
            reviewed=values["reviewed"],
            criterion=values["criterion"],
            verdict=None if verdict is None else Verdict(verdict),
        ),
        # Under a clock that was ahead, it ended too early.
        None if (values["ended_told"] or "") >= first_of_future() else values["ended"],
        None if withdrawn is None else datetime.fromisoformat(withdrawn),
    )
