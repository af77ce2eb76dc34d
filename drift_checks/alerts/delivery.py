"""Delivery of messages: each is kept in the log, sent on its channel, and crossed out once it has arrived.

Whatever happens in between, no message is lost, and each channel gets at most one twice: the one under way at a kill.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from drift_checks.alerts.channels.base import Channel, Deadline, NotDelivered
from drift_checks.alerts.message import Message
from drift_checks.alerts.policy import Policy, incidents
from drift_checks.core.errors import ReportsError
from drift_checks.core.plain import from_plain, to_plain
from drift_checks.report.history.alert_log import Alert, AlertLog
from drift_checks.report.logs import ON_TERMINAL
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")
# The most that alerts may add to a run (30 s with the grace), and the part of it for messages of earlier runs.
SECONDS = 29.0
_SECONDS_FOR_WAITING = 10.0
# Channels keep to the deadline themselves; this is for one that does not.
_GRACE_SECONDS = 0.5
# A message that could not be delivered for this long is no news.
_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Delivery:
    """A message for a channel, and the outcome of sending it.

    `state` is what the channel believes once the message has arrived, `number` the message's in the log, if it is kept,
    and `answer` what came back, or why it did not arrive, in a phrase.
    """

    channel: Channel
    message: Message
    state: Verdict = Verdict.OK
    number: int | None = None
    delivered: bool = False
    answer: str = ""

    def sent(self, deadline: Deadline) -> Delivery:
        """Send the message; return the delivery with its outcome."""
        if not deadline.seconds_left:
            return self.failed("not tried: the time for all alerts was over")
        try:
            return replace(self, delivered=True, answer=self.channel.send(self.message, deadline))
        except NotDelivered as error:
            return self.failed(str(error))
        except Exception as error:
            # A library's words may quote the address.
            return self.failed(f"the channel broke down ({type(error).__name__})")

    def failed(self, reason: str) -> Delivery:
        """Return the delivery as one that failed."""
        return replace(self, delivered=False, answer=reason)


def send_all(deliveries: Sequence[Delivery], deadline: Deadline, done: Outcomes | None = None) -> Iterator[Delivery]:
    """Send messages on all channels side by side, those of one channel in order; yield each with its outcome at once.

    What has not arrived by the deadline counts as not delivered, nor does what has not when None is put into `done`.
    """
    done = SimpleQueue() if done is None else done

    def work(numbers: Sequence[int]) -> None:
        for number in numbers:
            done.put((number, deliveries[number].sent(deadline)))

    by_channel: dict[str, list[int]] = {}
    for number, delivery in enumerate(deliveries):
        by_channel.setdefault(delivery.channel.key, []).append(number)
    for key, numbers in by_channel.items():
        # Unlike an executor's threads, these are not waited for at the end of the process.
        Thread(target=work, args=(numbers,), daemon=True, name=f"drift-alert-{key}").start()
    pending, reason = dict(enumerate(deliveries)), "no answer in time"
    while pending:
        try:
            arrived = done.get(timeout=deadline.seconds_left + _GRACE_SECONDS)
        except Empty:
            break
        if arrived is None:
            reason = "the run was ended before an answer came"
            break
        number, outcome = arrived
        del pending[number]
        yield outcome
    yield from (delivery.failed(reason) for delivery in pending.values())


Outcomes = SimpleQueue[tuple[int, Delivery] | None]


class AlertSender:
    """Sends the alerts of a run, those that wait from earlier runs first; without a log, nothing can be kept.

    `warnings` are sentences for the user, and `deliveries` the outcome of each message in this run.
    """

    def __init__(
        self, channels: Sequence[Channel], policy: Policy, log: AlertLog | None, *, redact: bool = False
    ) -> None:
        self.warnings: list[str] = []
        self.deliveries: list[Delivery] = []
        self._channels = channels
        self._policy = policy
        self._log = log
        self._redact = redact
        self._seconds_left = SECONDS
        self._has_sent_waiting = False
        self._is_stopped = False
        self._done: Outcomes = SimpleQueue()

    def stop(self) -> None:
        """Stop waiting for answers, and try no other message: what has not arrived is kept. For signal handlers."""
        self._is_stopped = True
        self._done.put(None)

    def send_waiting(self) -> None:
        """Send the messages that could not be delivered before, oldest first; only once."""
        if self._has_sent_waiting:
            return
        self._has_sent_waiting = True
        for alert in self._ask(lambda log: log.drop_older(datetime.now(UTC) - _KEPT)) or []:
            self._warn(
                f"{alert.channel}: the alert of {alert.run_id} could not be delivered for a week and is dropped."
            )
        by_key = {channel.key: channel for channel in self._channels}
        waiting = self._ask(lambda log: log.waiting(by_key)) or []
        messages = [(alert, self._read(alert)) for alert in waiting]
        self._deliver(
            [
                Delivery(by_key[alert.channel], message, alert.state, alert.number)
                for alert, message in messages
                if message is not None
            ],
            _SECONDS_FOR_WAITING,
        )

    def send(self, message: Message, store: StoreIdentity) -> None:
        """Send the message on each channel where it is due, after the messages that wait."""
        self.send_waiting()
        deliveries = list(self.due(message, store))
        if not deliveries:
            return
        alerts = [_alert(delivery, store) for delivery in deliveries]
        numbers = self._ask(lambda log: log.queue(alerts))
        if numbers:
            deliveries = [replace(item, number=number) for item, number in zip(deliveries, numbers, strict=True)]
        self._deliver(deliveries, SECONDS)
        if not numbers:
            self._warn("alerts: what was sent could not be recorded, so the next run may send it again.")

    def due(self, message: Message, store: StoreIdentity) -> Iterator[Delivery]:
        """Yield what `send` would send."""
        now = datetime.now(UTC)
        for channel in self._channels:
            believed = {
                incident: self._ask(partial(AlertLog.believed, store=store, channel=channel.key, incident=incident))
                for incident in incidents(channel.name)
            }
            for due, state in self._policy.due(channel.name, message, believed, now):
                yield Delivery(channel, due, state)

    def _deliver(self, deliveries: Sequence[Delivery], seconds: float) -> None:
        if not deliveries:
            return
        began = time.monotonic()
        # Not that of earlier deliveries, to which an outcome may still come.
        self._done = SimpleQueue()
        if self._is_stopped:
            self.stop()
        deadline = Deadline.after(0.0 if self._is_stopped else min(seconds, self._seconds_left))
        for delivery in send_all(deliveries, deadline, self._done):
            self._record(delivery)
            self.deliveries.append(delivery)
        self._seconds_left = max(0.0, self._seconds_left - (time.monotonic() - began))

    def _record(self, delivery: Delivery) -> None:
        number, name, message = delivery.number, delivery.channel.name, delivery.message
        if delivery.delivered:
            logger.info("%s: %s of %s delivered: %s", name, message.kind, message.run_id, delivery.answer)
            if number is not None:
                self._ask(lambda log: log.delivered(number, datetime.now(UTC)))
            return
        if number is not None:
            self._ask(lambda log: log.failed(number, delivery.answer))
        kept = "the next run tries again" if number is not None else "it could not be kept for the next run either"
        self._warn(f"{name}: the alert of {message.run_id} was not delivered: {delivery.answer}; {kept}.")

    def _read(self, alert: Alert) -> Message | None:
        """Return the message as it is sent later; drop one that another version wrote and this one cannot read."""
        try:
            message = from_plain(Message, alert.message)
        except ValueError:
            # It counts as not sent, so that this run sends what is still so.
            self._ask(lambda log: log.drop(alert.number))
            self._warn(f"{alert.channel}: the alert of {alert.run_id} that waited cannot be read and is dropped.")
            return None
        message = message.without_texts() if self._redact else message
        return replace(message, headline=f"Delayed, of {message.started} · {message.headline}")

    def _ask(self, question: Callable[[AlertLog], Answer]) -> Answer | None:
        """Return the log's answer; after a failure it is not asked again: better sent twice than never."""
        if self._log is None:
            return None
        try:
            return question(self._log)
        except ReportsError as error:
            self._log = None
            self._warn(str(error))
            return None

    def _warn(self, sentence: str) -> None:
        logger.warning("%s", sentence, extra=ON_TERMINAL)
        self.warnings.append(sentence)


def _alert(delivery: Delivery, store: StoreIdentity) -> Alert:
    message = delivery.message
    return Alert(
        channel=delivery.channel.key,
        incident=message.incident,
        store=store,
        run_id=message.run_id,
        kind=message.kind,
        verdict=message.verdict,
        state=delivery.state,
        created=datetime.now(UTC),
        message=to_plain(message),
    )
