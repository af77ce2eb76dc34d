"""Messages sent side by side, and kept until they have arrived."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.alerts.channels.slack import Slack
from drift_checks.alerts.delivery import AlertSender, Delivery, send_all
from drift_checks.alerts.message import Message
from drift_checks.alerts.policy import Policy
from drift_checks.core.secrets import Secret
from drift_checks.report.history.alert_log import AlertLog
from drift_checks.report.history.database import History
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity
from tests.support.alert_messages import message
from tests.support.alert_server import DRIP, SLACK_PATH, AlertServer
from tests.support.histories import STORE, raw
from tests.support.waiting import PATIENCE

CRITICAL, WARNING, OK = (
    message(verdict=verdict, headline=f"{verdict} · a.db", ended=())
    for verdict in (Verdict.CRITICAL, Verdict.WARNING, Verdict.OK)
)

GONE = NotDelivered("answered 404")


class Recorder:
    """A channel that accepts each message after a while, or fails as it should."""

    name = "slack"

    def __init__(self, key: str = "slack", seconds: float = 0.0, failure: Exception | None = None) -> None:
        self.key = key
        self.seconds = seconds
        self.failure = failure
        self.messages: list[Message] = []
        self.before: Callable[[], object] = lambda: None

    @property
    def accepted(self) -> list[str]:
        """The headlines of the accepted messages."""
        return [item.headline for item in self.messages]

    def obstacle(self) -> str:
        """Return nothing."""
        return ""

    def payload(self, message: Message) -> str:
        """Return the headline."""
        return message.headline

    def send(self, message: Message, deadline: Deadline) -> str:
        """Accept the message."""
        self.before()
        time.sleep(self.seconds)
        if self.failure:
            raise self.failure
        self.messages.append(message)
        return "200 ok"


def sent(*channels: Recorder, seconds: float = 5.0, each: int = 1) -> list[Delivery]:
    """Send each channel so many messages; return their outcomes, first known first."""
    deliveries = [Delivery(channel, CRITICAL, number=number) for number in range(each) for channel in channels]
    return list(send_all(deliveries, Deadline.after(seconds)))


def test_no_channel_waits_for_another() -> None:
    """The quick one is done first, although it came last; each gets its own messages in order."""
    found = sent(Recorder("slow", 1.0), Recorder("quick"), seconds=PATIENCE)
    assert [(item.channel.key, item.delivered, item.answer) for item in found] == [
        ("quick", True, "200 ok"),
        ("slow", True, "200 ok"),
    ]
    assert [item.number for item in sent(Recorder(seconds=0.01), each=3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("failure", "answer"),
    [
        (GONE, "answered 404"),
        # A library's words may quote the address.
        (RuntimeError("https://hooks.example.com/secret"), "the channel broke down (RuntimeError)"),
    ],
)
def test_a_failure_stops_no_other_channel(failure: Exception, answer: str) -> None:
    """Its reason is the answer."""
    found = {item.channel.key: item for item in sent(Recorder("a", failure=failure), Recorder("b"))}
    assert (found["a"].delivered, found["a"].answer) == (False, answer)
    assert found["b"].delivered


def test_a_channel_that_hangs_is_left_behind() -> None:
    """Also at the end of the process."""
    began = time.monotonic()
    (delivery,) = sent(Recorder(seconds=30), seconds=0.1)
    assert time.monotonic() - began < PATIENCE
    assert (delivery.delivered, delivery.answer) == (False, "no answer in time")
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("drift-alert"))


def test_an_answer_byte_by_byte_does_not_outlast_the_deadline() -> None:
    """A socket's time-out begins anew with each byte."""
    with AlertServer().running() as server:
        server.always(SLACK_PATH, DRIP)
        began = time.monotonic()
        (delivery,) = send_all([Delivery(Slack(Secret(server.webhook)), CRITICAL)], Deadline.after(1.0))
        assert time.monotonic() - began < PATIENCE
    assert (delivery.delivered, delivery.answer) == (False, "no answer in time")


def test_nothing_is_begun_after_the_deadline() -> None:
    """Nobody would record its arrival, so it would be sent again."""
    slow = Recorder(seconds=0.3)
    deliveries = sent(slow, seconds=0.1, each=2)
    time.sleep(0.5)
    assert len(slow.accepted) <= 1
    assert [item.delivered for item in deliveries][-1] is False


class Nights:
    """Runs that alert, one after the other, with one history."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slack, self.other = Recorder(), Recorder("other")

    def send(self, made: Message, store: StoreIdentity = STORE, **options: Any) -> list[str]:
        """Send the message as a new run does; return the run's warnings."""
        verdicts = (Verdict.WARNING, Verdict.CRITICAL)
        policy = Policy({"slack": verdicts}, timedelta(hours=20), always_page=False, severities={})
        with History(self.folder) as history:
            sender = AlertSender([self.slack, self.other], policy, AlertLog(history), **options)
            sender.send(made, store)
        return sender.warnings

    def statuses(self, key: str = "slack") -> list[str]:
        """Return the status of each message to a channel, in order."""
        rows = raw(self.folder, "SELECT channel, status FROM alerts ORDER BY number")
        return [status for channel, status in rows if channel == key]


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    """Runs without a history before them."""
    return Nights(tmp_path)


def test_a_message_is_kept_before_it_is_sent(nights: Nights) -> None:
    """And crossed out once it has arrived."""
    seen: list[list[str]] = []
    nights.slack.before = lambda: seen.append(nights.statuses())
    assert nights.send(CRITICAL) == []
    assert (seen, nights.statuses()) == ([["waiting"]], ["delivered"])


def test_each_channel_gets_what_it_missed_first(nights: Nights) -> None:
    """Marked as delayed; the others got it, and do not get it again."""
    nights.slack.failure = GONE
    (warning,) = nights.send(CRITICAL)
    assert warning == (
        f"slack: the alert of {CRITICAL.run_id} was not delivered: answered 404; the next run tries again."
    )
    nights.slack.failure = None
    nights.send(OK)
    assert nights.slack.accepted == [f"Delayed, of {CRITICAL.started} · CRITICAL · a.db", "OK again · a.db"]
    assert nights.other.accepted == ["CRITICAL · a.db", "OK again · a.db"]


def test_a_newer_message_overtakes_those_that_wait(nights: Nights) -> None:
    """Only the last of several nights without the channel is delivered."""
    nights.slack.failure = GONE
    for made in (CRITICAL, OK, CRITICAL):
        nights.send(made)
    nights.slack.failure = None
    nights.send(CRITICAL)
    assert nights.slack.accepted == [f"Delayed, of {CRITICAL.started} · CRITICAL · a.db"]
    assert nights.statuses() == ["superseded", "superseded", "delivered"]


def test_a_message_that_waited_for_a_week_is_dropped(nights: Nights) -> None:
    """With a warning; what is still so is sent anew."""
    nights.slack.failure = GONE
    nights.send(WARNING)
    nights.slack.failure = None
    old = f"{datetime.now(UTC) - timedelta(days=8):%Y-%m-%dT%H:%M:%S.%fZ}"
    raw(nights.folder, f"UPDATE alerts SET created = '{old}' WHERE status = 'waiting'")
    assert nights.send(WARNING) == [
        f"slack: the alert of {WARNING.run_id} could not be delivered for a week and is dropped."
    ]
    assert nights.slack.accepted == ["WARNING · a.db"]


@pytest.mark.parametrize("kept", ['{"headline": "of another version"}', "{broken"])
def test_a_message_that_cannot_be_read_is_dropped(nights: Nights, kept: str) -> None:
    """As another version wrote it: with a warning, and what is still so is sent anew."""
    nights.slack.failure = GONE
    nights.send(CRITICAL)
    nights.slack.failure = None
    raw(nights.folder, f"UPDATE alerts SET message = '{kept}' WHERE status = 'waiting'")
    assert nights.send(CRITICAL) == [
        f"slack: the alert of {CRITICAL.run_id} that waited cannot be read and is dropped."
    ]
    assert (nights.slack.accepted, nights.statuses()) == (["CRITICAL · a.db"], ["dropped", "delivered"])


def test_a_message_that_waited_is_redacted_later(nights: Nights) -> None:
    """Without texts, and without the report that may quote them."""
    nights.slack.failure = GONE
    nights.send(CRITICAL)
    nights.slack.failure = None
    nights.send(CRITICAL, redact=True)
    (late,) = nights.slack.messages
    assert (late.report, late.disagreements[0].text, late.criteria[0].message) == ("", None, "withheld")


def test_each_store_has_its_own_alerts(nights: Nights) -> None:
    """In the same history."""
    other = STORE._replace(table="other")
    for made, store in ((CRITICAL, STORE), (CRITICAL, other), (OK, STORE), (CRITICAL, other)):
        nights.send(made, store)
    assert nights.slack.accepted == ["CRITICAL · a.db", "CRITICAL · a.db", "OK again · a.db"]


def test_without_a_log_everything_is_sent_and_said_to_be_unrecorded() -> None:
    """Better sent twice than never."""
    policy = Policy({"slack": (Verdict.CRITICAL,)}, timedelta(hours=20), always_page=False, severities={})
    channel = Recorder()
    sender = AlertSender([channel], policy, None)
    sender.send(CRITICAL, STORE)
    assert channel.accepted == ["CRITICAL · a.db"]
    assert sender.warnings == ["alerts: what was sent could not be recorded, so the next run may send it again."]
