"""The log of alerts: each is kept before it is sent, and nothing loses one."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.core.errors import ReportsError
from drift_checks.report.history import reading
from drift_checks.report.history.alert_log import Alert, AlertLog, Belief, undelivered_alerts
from drift_checks.report.history.database import History
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity
from tests.support.histories import PREPARED, RUN, STORE, raw, run
from tests.support.processes import OtherProcess

NOW = datetime(2026, 1, 15, 2, tzinfo=UTC)
OTHER = STORE._replace(table="other")
ALERT = Alert(
    channel="slack",
    incident="drift",
    store=STORE,
    run_id=RUN,
    kind="change",
    verdict=Verdict.CRITICAL,
    state=Verdict.CRITICAL,
    created=NOW,
    message={"headline": "CRITICAL · risk.db", "rate": 0.66, "changes": ["a → b"]},
)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """An empty history."""
    with History(tmp_path) as opened:
        yield opened


@pytest.fixture
def log(history: History) -> AlertLog:
    """Its log."""
    return AlertLog(history)


def queued(log: AlertLog, **changed: Any) -> Alert:
    """Keep one message; return it as it is kept."""
    alert = replace(ALERT, **changed)
    (number,) = log.queue([alert])
    return replace(alert, number=number)


def statuses(log: AlertLog) -> list[str]:
    """Return the status of each message, in order."""
    return [status for (status,) in raw(log._history.folder, "SELECT status FROM alerts ORDER BY number")]


TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
PLAIN = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda part: st.lists(part, max_size=3))


@settings(max_examples=40)
@given(
    st.builds(
        Alert,
        channel=TEXT,
        incident=st.sampled_from(["drift", "review_unavailable"]),
        store=st.builds(StoreIdentity, TEXT, TEXT, TEXT),
        run_id=st.just(RUN),
        kind=st.just("change"),
        verdict=st.sampled_from(Verdict),
        state=st.sampled_from(Verdict),
        created=st.datetimes(timezones=st.just(UTC)),
        message=st.dictionaries(TEXT, PLAIN, max_size=3),
    )
)
def test_every_value_comes_back_as_it_was(alert: Alert) -> None:
    """Also names that are not Unicode."""
    with TemporaryDirectory() as folder, History(Path(folder)) as opened:
        log = AlertLog(opened)
        (number,) = log.queue([alert])
        assert log.waiting([alert.channel]) == [replace(alert, number=number)]
        assert log.believed(alert.store, alert.channel, alert.incident) == Belief(
            alert.state, alert.created, Verdict.OK
        )
        assert undelivered_alerts(opened) == {alert.store: {alert.channel: 1}}


@pytest.mark.parametrize("other", [{"store": OTHER}, {"channel": "email"}, {"incident": "review_unavailable"}])
def test_a_message_overtakes_only_those_of_its_incident(log: AlertLog, other: dict[str, Any]) -> None:
    """Of the same store and channel; what has arrived stays so."""
    log.delivered(queued(log, state=Verdict.WARNING).number, NOW)
    queued(log)
    kept = queued(log, **other)
    newest = queued(log, created=NOW + timedelta(hours=1))
    assert statuses(log) == ["delivered", "superseded", "waiting", "waiting"]
    assert log.waiting({"slack", "email"}) == [kept, newest]
    assert log.waiting([]) == []
    assert log.believed(STORE, "slack", "drift") == Belief(newest.state, newest.created, Verdict.WARNING)


def test_messages_of_one_run_are_kept_together(log: AlertLog) -> None:
    """In order; if one cannot be kept, none is."""
    first, second = log.queue([replace(ALERT, channel="slack"), replace(ALERT, channel="email")])
    assert first < second
    with pytest.raises(ReportsError):
        log.queue([ALERT, replace(ALERT, kind=None)])  # type: ignore[arg-type]
    assert statuses(log) == ["waiting", "waiting"]


def test_a_delivered_message_does_not_wait(log: AlertLog) -> None:
    """It is believed from then on; until then each failure is recorded."""
    alert = queued(log)
    log.failed(alert.number, "timed out")
    log.failed(alert.number, "503")
    assert log.waiting(["slack"]) == [alert]
    assert raw(log._history.folder, "SELECT attempts, error FROM alerts") == [(2, "503")]
    log.delivered(alert.number, NOW + timedelta(seconds=3))
    assert log.believed(STORE, "slack", "drift") == Belief(Verdict.CRITICAL, NOW + timedelta(seconds=3))
    assert raw(log._history.folder, "SELECT attempts, error FROM alerts") == [(2, None)]
    assert log.waiting(["slack"]) == []


def test_the_text_of_a_settled_message_is_not_kept(log: AlertLog) -> None:
    """It may quote a record; only what waits needs it."""
    log.delivered(queued(log).number, NOW)
    log.drop(queued(log, channel="email").number)
    queued(log, channel="pagerduty")
    queued(log, channel="pagerduty")
    kept = [text for (text,) in raw(log._history.folder, "SELECT message FROM alerts ORDER BY number")]
    assert kept[:3] == ["{}"] * 3
    assert "risk.db" in kept[3]


def test_a_message_that_was_overtaken_or_dropped_is_not_believed(log: AlertLog) -> None:
    """A CRITICAL arrived, its recovery was overtaken by another CRITICAL, and that was dropped."""
    log.delivered(queued(log, state=Verdict.CRITICAL).number, NOW)
    queued(log, state=Verdict.OK)
    log.drop(queued(log, state=Verdict.CRITICAL).number)
    assert log.believed(STORE, "slack", "drift") == Belief(Verdict.CRITICAL, NOW)


def test_old_messages_that_wait_are_dropped(log: AlertLog) -> None:
    """They are returned, and the channel believes what arrived before."""
    log.delivered(queued(log, state=Verdict.WARNING).number, NOW)
    old = queued(log)
    kept = queued(log, channel="email", created=NOW + timedelta(microseconds=1))
    assert log.drop_older(NOW + timedelta(microseconds=1)) == [old]
    assert log.drop_older(NOW + timedelta(microseconds=1)) == []
    assert statuses(log) == ["delivered", "dropped", "waiting"]
    assert log.believed(STORE, "slack", "drift") == Belief(Verdict.WARNING, NOW)
    assert log.waiting(["slack", "email"]) == [kept]


def test_waiting_messages_are_counted_by_store_and_channel(history: History, log: AlertLog) -> None:
    """With 0 for a channel that was ever sent anything about the store."""
    log.delivered(queued(log).number, NOW)
    queued(log, channel="email")
    queued(log, channel="email", incident="review_unavailable")
    queued(log, store=OTHER)
    assert undelivered_alerts(history) == {STORE: {"slack": 0, "email": 2}, OTHER: {"slack": 1}}


def test_pruning_keeps_the_waiting_and_the_newest(log: AlertLog) -> None:
    """Of each store, channel and incident, however old."""
    for channel in ("slack", "email"):
        for _ in range(3):
            log.delivered(queued(log, channel=channel).number, NOW)
    queued(log, channel="pagerduty")
    believed = [log.believed(STORE, channel, "drift") for channel in ("slack", "email", "pagerduty")]
    log.prune(NOW)
    assert len(statuses(log)) == 7
    log.prune(NOW + timedelta(microseconds=1))
    assert statuses(log) == ["delivered", "delivered", "waiting"]
    assert [log.believed(STORE, channel, "drift") for channel in ("slack", "email", "pagerduty")] == believed


def test_an_alert_outlives_its_run(history: History, log: AlertLog) -> None:
    """Runs are added again and pruned on their own."""
    history.add(run())
    queued(log)
    history.add(run(agreed=40))
    history.add(run("20270115T020000Z-abc123"))
    history.prune(datetime(2027, 1, 1, tzinfo=UTC), "")
    assert [item.run_id for item in log.waiting(["slack"])] == [RUN]


def test_a_newer_history_is_left_alone(tmp_path: Path) -> None:
    """Nothing is read, and nothing is written."""
    with History(tmp_path) as opened:
        queued(AlertLog(opened))
    raw(tmp_path, "PRAGMA user_version = 99")
    with History(tmp_path) as opened:
        log = AlertLog(opened)
        log.delivered(1, NOW)
        log.failed(1, "503")
        log.prune(datetime(2030, 1, 1, tzinfo=UTC))
        answers = log.queue([ALERT]), log.believed(STORE, "slack", "drift"), log.waiting(["slack"])
        assert undelivered_alerts(opened) == {}
        assert (*answers, log.drop_older(datetime(2030, 1, 1, tzinfo=UTC))) == ([], None, [], [])
    assert raw(tmp_path, "SELECT status, attempts FROM alerts") == [("waiting", 0)]


CALLS: tuple[Callable[[AlertLog], object], ...] = (
    lambda log: log.queue([ALERT]),
    lambda log: log.believed(STORE, "slack", "drift"),
    lambda log: log.waiting(["slack"]),
    lambda log: log.delivered(1, NOW),
    lambda log: log.failed(1, "503"),
    lambda log: log.drop_older(NOW),
    lambda log: log.prune(NOW),
    lambda log: undelivered_alerts(log._history),
)


def test_a_history_that_another_process_has_locked_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whatever reads or writes it."""
    monkeypatch.setattr(reading, "LOCK_WAIT_SECONDS", 0.05)
    holding = f"import sqlite3; held = sqlite3.connect({str(tmp_path / reading.NAME)!r}, isolation_level=None)"
    with History(tmp_path) as opened, OtherProcess() as other:
        other.run(f"{holding}\nheld.execute('BEGIN EXCLUSIVE')")
        for call in CALLS:
            with pytest.raises(ReportsError, match="history"):
                call(AlertLog(opened))


SENDING = f"""{PREPARED}
from dataclasses import replace
from datetime import UTC, datetime
from drift_checks.report.history.alert_log import AlertLog
from tests.unit.report.history.test_alert_log import ALERT
log = AlertLog(History(Path(sys.argv[1])))
sent = open(sys.argv[1] + "/sent", "a", buffering=1)
first = int(sys.argv[2])
for number in range(first, 10**9):
    alerts = [replace(ALERT, channel=f"{{name}}{{number}}") for name in ("slack", "email")]
    for alert, kept in zip(alerts, log.queue(alerts)):
        sent.write(alert.channel + "\\n")
        log.delivered(kept, datetime.now(UTC))
    if number == first:
        print("ready", flush=True)
"""


def test_a_process_killed_at_any_moment_loses_no_message_and_repeats_at_most_one(tmp_path: Path) -> None:
    """What is recorded as arrived was sent, and a run's messages are kept for all channels or for none."""
    chance, unrecorded = random.Random(7), set[str]()
    for round_ in range(4):
        arguments = [str(tmp_path), str(1_000_000 * round_)]
        writer = subprocess.Popen([sys.executable, "-c", SENDING, *arguments], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.02, 0.15))
        writer.kill()
        writer.wait()
        writer.stdout.close()
        sent = set((tmp_path / "sent").read_text().split())
        rows = raw(tmp_path, "SELECT channel, status FROM alerts")
        delivered = {channel for channel, status in rows if status == "delivered"}
        assert delivered <= sent <= {channel for channel, _ in rows}
        assert len(sent - delivered - unrecorded) <= 1
        unrecorded = sent - delivered
        assert len(rows) % 2 == 0
    assert delivered
