"""Messages sent side by side."""

from __future__ import annotations

import threading
import time

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.alerts.channels.slack import Slack
from drift_checks.alerts.composition import trial_message
from drift_checks.alerts.delivery import Delivery, Dispatch, send
from drift_checks.alerts.message import Message
from drift_checks.core.secrets import Secret
from drift_checks.report.history.recorded import StoreIdentity
from tests.support.alert_server import DRIP, SLACK_PATH, AlertServer

MESSAGE = trial_message(StoreIdentity("/data/a.db", "t", "c"), "2026-01-15T02:00:00Z", None)


class Taking:
    """Takes each message after a while, or fails as it is told to."""

    name = "slack"

    def __init__(self, key: str = "slack", seconds: float = 0.0, failure: Exception | None = None) -> None:
        self.key = key
        self.seconds = seconds
        self.failure = failure
        self.took: list[Message] = []

    def payload(self, message: Message) -> str:
        """Return the headline."""
        return message.headline

    def send(self, message: Message, deadline: Deadline) -> str:
        """Take the message."""
        time.sleep(self.seconds)
        if self.failure:
            raise self.failure
        self.took.append(message)
        return "200 ok"


def sent(*channels: Taking, seconds: float = 5.0, each: int = 1) -> list[Delivery]:
    """Send each channel so many messages; return what became of them, in the order in which it was known."""
    dispatches = [Dispatch(channel, MESSAGE, number) for number in range(each) for channel in channels]
    return list(send(dispatches, Deadline.after(seconds)))


def test_what_arrived_and_what_came_back_is_told() -> None:
    """A phrase of the channel's own."""
    (delivery,) = sent(Taking())
    assert (delivery.delivered, delivery.said) == (True, "200 ok")


def test_no_channel_waits_for_another() -> None:
    """The quick one is done first, though it was to be told last."""
    assert [item.dispatch.channel.key for item in sent(Taking("slow", 0.3), Taking("quick"))] == ["quick", "slow"]


def test_a_channel_is_told_in_order() -> None:
    """As messages were made."""
    assert [item.dispatch.number for item in sent(Taking(seconds=0.01), each=3)] == [0, 1, 2]


def test_a_failure_is_told_in_its_own_words() -> None:
    """And hinders no other channel."""
    first, second = sorted(
        sent(Taking("a", failure=NotDelivered("answered 404")), Taking("b")), key=lambda item: item.said
    )
    assert (second.delivered, second.said) == (False, "answered 404")
    assert first.delivered


def test_what_a_library_says_is_not_repeated() -> None:
    """It may quote the address."""
    (delivery,) = sent(Taking(failure=RuntimeError("https://hooks.example.com/secret")))
    assert (delivery.delivered, delivery.said) == (False, "the channel broke down (RuntimeError)")


def test_a_channel_that_hangs_is_not_waited_for() -> None:
    """Nor at the end of the process."""
    began = time.monotonic()
    (delivery,) = sent(Taking(seconds=30), seconds=0.1)
    assert time.monotonic() - began < 5
    assert (delivery.delivered, delivery.said) == (False, "no answer in time")
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("drift-alert"))


def test_an_answer_that_comes_by_the_byte_is_not_waited_for() -> None:
    """Each byte begins the time-out of a socket anew."""
    with AlertServer().running() as server:
        server.always(SLACK_PATH, DRIP)
        began = time.monotonic()
        (delivery,) = send([Dispatch(Slack(Secret(server.webhook)), MESSAGE)], Deadline.after(1.0))
        assert time.monotonic() - began < 5
    assert (delivery.delivered, delivery.said) == (False, "no answer in time")


def test_after_the_deadline_nothing_more_is_begun() -> None:
    """Nobody would note that it arrived, so it would be sent again."""
    slow = Taking(seconds=0.3)
    deliveries = sent(slow, seconds=0.1, each=2)
    time.sleep(0.5)
    assert len(slow.took) <= 1
    assert [item.delivered for item in deliveries][-1] is False
