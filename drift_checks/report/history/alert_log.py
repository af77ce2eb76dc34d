"""The alerts sent to each channel, and those that have not arrived yet."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drift_checks.core.plain import read_json
from drift_checks.core.secrets import mask_secrets, masked
from drift_checks.report.history.database import History
from drift_checks.report.history.reading import HistoryView
from drift_checks.report.history.rows import bound, insert, instant, read, store_of, store_row
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity

# A message that is settled is not kept: it may quote a record.
_EMPTIED = "message = '{}'"
_DELIVERED = "delivered"
_INCIDENT = (
    "db = :db AND table_name = :table_name AND collection = :collection AND channel = :channel AND incident = :incident"
)


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A message for a channel, as it is kept.

    `channel` is the channel's key; `state` is what it believes once the message has arrived; `message` holds plain
    values, none if it is settled or damaged; later messages have a greater `number`, 0 before they are kept.
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
    number: int = 0


@dataclass(frozen=True)
class Belief:
    """What a channel believes of an incident, by the newest message that has arrived or still waits.

    Its `state` is OK, or the verdict that has not ended; `since` is when the message arrived, or was made if it waits;
    then `delivered` is the state by the last one that arrived.
    """

    state: Verdict
    since: datetime
    delivered: Verdict | None = None


def undelivered_alerts(history: HistoryView) -> dict[StoreIdentity, dict[str, int]]:
    """Return how many messages wait, by store and channel; 0 for a channel to which none does.

    Raises:
        ReportsError: The history cannot be read.
    """
    key = "db, table_name, collection, channel"
    query = f"SELECT {key}, sum(status = 'waiting') AS number FROM alerts GROUP BY {key} ORDER BY channel"  # noqa: S608
    counts: dict[StoreIdentity, dict[str, int]] = {}
    with history.reading() as connection:
        if connection is None:
            return {}
        for row in connection.execute(query).fetchall():
            values = read(row)
            counts.setdefault(store_of(values), {})[values["channel"]] = values["number"]
    return counts


class AlertLog:
    """The alerts in a history, each kept before it is sent; if its version is newer, nothing is read or written.

    Raises:
        ReportsError: By each method: the history cannot be read or written, and is as it was.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def believed(self, store: StoreIdentity, channel: str, incident: str) -> Belief | None:
        """Return what a channel believes of a store's incident; None if it was never sent anything about it."""
        query = (
            f"SELECT status, state, created, settled FROM alerts WHERE {_INCIDENT}"  # noqa: S608 - of this file
            " AND status IN ('waiting', 'delivered') ORDER BY number DESC LIMIT 2"
        )
        values = {**store_row(store), "channel": bound(channel), "incident": incident}
        with self._history.reading() as connection:
            rows = [] if connection is None else connection.execute(query, values).fetchall()
        if not rows:
            return None
        newest, *older = rows
        state, since = Verdict(newest["state"]), datetime.fromisoformat(newest["settled"] or newest["created"])
        if newest["status"] == _DELIVERED:
            return Belief(state, since)
        # At most one message waits, so that the one before it has arrived.
        return Belief(state, since, Verdict(older[0]["state"]) if older else Verdict.OK)

    def queue(self, alerts: Sequence[Alert]) -> list[int]:
        """Keep messages that wait, and cross out those that they overtake; return their numbers if they can be kept."""
        with self._history.changing() as connection:
            return [] if connection is None else [_insert(connection, alert) for alert in alerts]

    def waiting(self, channels: Collection[str]) -> list[Alert]:
        """Return the messages to these channels that have not arrived, oldest first."""
        with self._history.reading() as connection:
            found = [] if connection is None else _waiting(connection)
        return [alert for alert in found if alert.channel in channels]

    def delivered(self, number: int, moment: datetime) -> None:
        """Record that a message has arrived."""
        settled = f"status = 'delivered', error = NULL, settled = :moment, {_EMPTIED}"
        self._change(settled, number, moment=instant(moment))

    def failed(self, number: int, error: str) -> None:
        """Record that a message has not arrived; it goes on waiting."""
        self._change("attempts = attempts + 1, error = :error", number, error=bound(mask_secrets(error)))

    def drop(self, number: int) -> None:
        """Record that a message is given up."""
        self._change(f"status = 'dropped', {_EMPTIED}", number)

    def drop_older(self, before: datetime) -> list[Alert]:
        """Drop the messages that have waited since before the moment; return them."""
        with self._history.changing() as connection:
            if connection is None:
                return []
            found = [item for item in _waiting(connection) if item.created < before]
            drop = f"UPDATE alerts SET status = 'dropped', {_EMPTIED} WHERE number = ?"  # noqa: S608
            connection.executemany(drop, [(alert.number,) for alert in found])
            return found

    def prune(self, before: datetime) -> None:
        """Delete the settled messages made before the moment, but never the last to a channel."""
        with self._history.changing() as connection:
            if connection is not None:
                connection.execute(
                    "DELETE FROM alerts WHERE created < ? AND status != 'waiting' AND number NOT IN"
                    " (SELECT max(number) FROM alerts WHERE status IN ('waiting', 'delivered')"
                    " GROUP BY db, table_name, collection, channel, incident)",
                    (instant(before),),
                )

    def _change(self, assignments: str, number: int, **values: Any) -> None:
        with self._history.changing() as connection:
            if connection is not None:
                query = f"UPDATE alerts SET {assignments} WHERE number = :number"  # noqa: S608 - of this file
                connection.execute(query, {**values, "number": number})


def _insert(connection: sqlite3.Connection, alert: Alert) -> int:
    row = store_row(alert.store) | {
        "channel": bound(alert.channel),
        "incident": alert.incident,
        "run_id": alert.run_id,
        "kind": alert.kind,
        "verdict": str(alert.verdict),
        "state": str(alert.state),
        "created": instant(alert.created),
        "message": json.dumps(masked(alert.message)),
        "status": "waiting",
        "attempts": 0,
    }
    overtaken = f"UPDATE alerts SET status = 'superseded', settled = :created, {_EMPTIED} WHERE {_INCIDENT}"  # noqa: S608
    connection.execute(f"{overtaken} AND status = 'waiting'", row)
    return insert(connection, "alerts", row)


def _waiting(connection: sqlite3.Connection) -> list[Alert]:
    return [_alert(row) for row in connection.execute("SELECT * FROM alerts WHERE status = 'waiting' ORDER BY number")]


def _alert(row: sqlite3.Row) -> Alert:
    values = read(row)
    return Alert(
        channel=values["channel"],
        incident=values["incident"],
        store=store_of(values),
        run_id=values["run_id"],
        kind=values["kind"],
        verdict=Verdict(values["verdict"]),
        state=Verdict(values["state"]),
        created=datetime.fromisoformat(values["created"]),
        message=_plain(values["message"]),
        number=values["number"],
    )


def _plain(text: str) -> Mapping[str, Any]:
    """Return the message's plain values, empty if they are damaged."""
    try:
        found = read_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
