"""What the channels were told, and what has not arrived yet."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drift_checks.report.history import schema
from drift_checks.report.history.database import History
from drift_checks.report.history.reading import HistoryView
from drift_checks.report.history.recorded import StoreIdentity
from drift_checks.report.history.rows import bound, instant, read
from drift_checks.report.verdict import Verdict

# What was told is not kept: it may quote a record.
_EMPTIED = "message = '{}'"
_WAITING = "waiting"
_STREAM = "db = :db AND table_name = :table_name AND collection = :collection AND channel = :channel"
_OF_INCIDENT = f"{_STREAM} AND incident = :incident"


@dataclass(frozen=True, kw_only=True)
class NewAlert:
    """A message for a channel, before it is sent.

    Attributes:
        channel: The key of the channel.
        incident: What it is about.
        store: Of the run.
        run_id: Of the run.
        kind: Why it is sent.
        verdict: Of the run.
        state: What the channel believes once it was told.
        created: When it was made, with a zone.
        message: In plain values.
    """

    channel: str
    incident: str
    store: StoreIdentity
    run_id: str
    kind: str
    verdict: Verdict
    state: Verdict
    created: datetime
    message: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class LoggedAlert(NewAlert):
    """A message that is kept.

    Attributes:
        number: Its own; later ones are greater.
        status: waiting, delivered, superseded by a newer one, or dropped.
        attempts: How many runs tried to deliver it in vain.
        error: Why the last of them failed.
        settled: Since when it waits no more.
    """

    number: int
    status: str
    attempts: int
    error: str | None
    settled: datetime | None


def undelivered_alerts(history: HistoryView) -> dict[StoreIdentity, dict[str, int]]:
    """Return how many messages wait, by store and channel; 0 for a channel to which none does.

    Raises:
        ReportsError: The history cannot be read.
    """
    query = (
        "SELECT db, table_name, collection, channel, sum(status = 'waiting') AS number FROM alerts"
        " GROUP BY db, table_name, collection, channel ORDER BY channel"
    )
    counts: dict[StoreIdentity, dict[str, int]] = {}
    with history.reading() as connection:
        if connection is None or schema.version(connection) < schema.TOLD_SINCE:
            return {}
        for row in connection.execute(query).fetchall():
            values = read(row)
            store = StoreIdentity(values["db"], values["table_name"], values["collection"])
            counts.setdefault(store, {})[values["channel"]] = values["number"]
    return counts


class AlertLog:
    """The messages in a history, each kept before it is sent.

    Args:
        history: Open for writing; one of a newer version is neither read nor written.

    Raises:
        ReportsError: By each method: it cannot be read or written, and is as it was.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def last(self, store: StoreIdentity, channel: str, incident: str) -> LoggedAlert | None:
        """Return the newest message of a store and incident to a channel that has arrived or waits, else None."""
        return self._last(store, channel, incident, "'waiting', 'delivered'")

    def last_delivered(self, store: StoreIdentity, channel: str, incident: str) -> LoggedAlert | None:
        """Return the newest message of a store and incident to a channel that has arrived, else None."""
        return self._last(store, channel, incident, "'delivered'")

    def queue(self, alerts: Sequence[NewAlert]) -> list[LoggedAlert]:
        """Keep messages, which wait from now on, and cross out those that they overtake.

        Returns:
            The messages, in their order; none where nothing can be kept.
        """
        with self._history.changing() as connection:
            if connection is None:
                return []
            numbers = [_insert(connection, alert) for alert in alerts]
            places = ", ".join("?" * len(numbers))
            query = f"SELECT * FROM alerts WHERE number IN ({places}) ORDER BY number"  # noqa: S608 - places alone
            return [_alert(row) for row in connection.execute(query, numbers)]

    def waiting(self, channels: Collection[str]) -> list[LoggedAlert]:
        """Return the messages to these channels that have not arrived, in the order in which they were made."""
        found = self._select("status = 'waiting' ORDER BY number", {})
        return [alert for alert in found if alert.channel in channels]

    def delivered(self, number: int, moment: datetime) -> None:
        """Take note that a message has arrived."""
        settled = f"status = 'delivered', error = NULL, settled = :moment, {_EMPTIED}"
        self._change(settled, number, moment=instant(moment))

    def failed(self, number: int, error: str) -> None:
        """Take note that a message has not arrived; it goes on waiting."""
        self._change("attempts = attempts + 1, error = :error", number, error=bound(error))

    def drop(self, number: int) -> None:
        """Take note that a message is given up."""
        self._change(f"status = 'dropped', {_EMPTIED}", number)

    def drop_older(self, before: datetime) -> list[LoggedAlert]:
        """Drop the messages that have waited since before the moment; return them."""
        condition, values = "status = 'waiting' AND created < :before", {"before": instant(before)}
        with self._history.changing() as connection:
            if connection is None:
                return []
            query = f"SELECT * FROM alerts WHERE {condition} ORDER BY number"  # noqa: S608 - conditions of this file
            found = [_alert(row) for row in connection.execute(query, values)]
            if found:
                connection.execute(f"UPDATE alerts SET status = 'dropped', {_EMPTIED} WHERE {condition}", values)  # noqa: S608
            return found

    def prune(self, before: datetime) -> None:
        """Delete the messages made before the moment that wait no more, but never the last to a channel."""
        with self._history.changing() as connection:
            if connection is not None:
                connection.execute(
                    "DELETE FROM alerts WHERE created < ? AND status != 'waiting' AND number NOT IN"
                    " (SELECT max(number) FROM alerts WHERE status IN ('waiting', 'delivered')"
                    " GROUP BY db, table_name, collection, channel, incident)",
                    (instant(before),),
                )

    def _last(self, store: StoreIdentity, channel: str, incident: str, among: str) -> LoggedAlert | None:
        values = _values(store) | {"channel": bound(channel), "incident": incident}
        found = self._select(f"{_OF_INCIDENT} AND status IN ({among}) ORDER BY number DESC LIMIT 1", values)
        return found[0] if found else None

    def _select(self, condition: str, values: Mapping[str, Any]) -> list[LoggedAlert]:
        query = f"SELECT * FROM alerts WHERE {condition}"  # noqa: S608 - conditions of this file
        with self._history.reading() as connection:
            return [] if connection is None else [_alert(row) for row in connection.execute(query, values).fetchall()]

    def _change(self, assignments: str, number: int, **values: Any) -> None:
        with self._history.changing() as connection:
            if connection is not None:
                query = f"UPDATE alerts SET {assignments} WHERE number = :number"  # noqa: S608 - of this file
                connection.execute(query, {**values, "number": number})


def _insert(connection: sqlite3.Connection, alert: NewAlert) -> int:
    row = _values(alert.store) | {
        "channel": bound(alert.channel),
        "incident": alert.incident,
        "run_id": alert.run_id,
        "kind": alert.kind,
        "verdict": str(alert.verdict),
        "state": str(alert.state),
        "created": instant(alert.created),
        "message": json.dumps(dict(alert.message)),
        "status": _WAITING,
        "attempts": 0,
    }
    overtaken = f"UPDATE alerts SET status = 'superseded', settled = :created, {_EMPTIED} WHERE {_OF_INCIDENT}"  # noqa: S608
    connection.execute(f"{overtaken} AND status = 'waiting'", row)
    names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
    inserted = connection.execute(f"INSERT INTO alerts ({names}) VALUES ({places})", row)  # noqa: S608
    assert inserted.lastrowid is not None
    return inserted.lastrowid


def _values(store: StoreIdentity) -> dict[str, Any]:
    return {"db": bound(store.db), "table_name": bound(store.table), "collection": bound(store.collection)}


def _message(text: str) -> Mapping[str, Any]:
    """Return the message, empty where it is damaged: whoever reads it finds that it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _alert(row: sqlite3.Row) -> LoggedAlert:
    values = read(row)
    settled = values["settled"]
    return LoggedAlert(
        number=values["number"],
        channel=values["channel"],
        incident=values["incident"],
        store=StoreIdentity(values["db"], values["table_name"], values["collection"]),
        run_id=values["run_id"],
        kind=values["kind"],
        verdict=Verdict(values["verdict"]),
        state=Verdict(values["state"]),
        created=datetime.fromisoformat(values["created"]),
        message=_message(values["message"]),
        status=values["status"],
        attempts=values["attempts"],
        error=values["error"],
        settled=None if settled is None else datetime.fromisoformat(settled),
    )
