"""The alerts of a run: what waits from earlier ones is sent first, then what this one has to say.

A message is kept before it is sent and crossed out when it has arrived: whatever happens in between, none is lost, and
at most the one that was under way on each channel is sent twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from drift_checks.alerts.channels.base import Channel, Deadline
from drift_checks.alerts.delivery import Delivery, Dispatch, send
from drift_checks.alerts.message import Incident, Message
from drift_checks.alerts.news import News
from drift_checks.alerts.policy import Policy, Told, due, incidents
from drift_checks.core.errors import ReportsError
from drift_checks.report.history.alert_log import AlertLog, LoggedAlert, NewAlert
from drift_checks.report.history.recorded import StoreIdentity
from drift_checks.report.logs import ON_TERMINAL
from drift_checks.report.verdict import Verdict

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")
# All that alerts may add to a run, which is 30 with the grace of sending, and what of it is for those of earlier runs.
SECONDS = 29.0
_SECONDS_FOR_WAITING = 10.0
# What nobody could be told for so long is no news.
_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Announcement:
    """What a channel is to be told, and what it believes when it was."""

    channel: Channel
    message: Message
    state: Verdict


class Announcer:
    """Tells the channels of a run.

    Args:
        channels: Those that are configured.
        policy: When they are told.
        log: What they were told before; None where nothing can be kept.
        redact: Whether no text of a record may be sent.

    Attributes:
        warnings: What the user is to be told, a sentence each.
        deliveries: What became of each message, in this run.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        policy: Policy,
        log: AlertLog | None,
        *,
        redact: bool = False,
    ) -> None:
        self.warnings: list[str] = []
        self.deliveries: list[Delivery] = []
        self._channels = channels
        self._policy = policy
        self._log = log
        self._redact = redact
        self._seconds_left = SECONDS
        self._has_sent_waiting = False

    def send_waiting(self) -> None:
        """Send what could not be delivered before, in the order in which it was to be told; once."""
        if self._has_sent_waiting:
            return
        self._has_sent_waiting = True
        for alert in self._ask(lambda log: log.drop_older(datetime.now(UTC) - _KEPT)) or []:
            self._warn(
                f"{alert.channel}: the alert of {alert.run_id} could not be delivered for a week and is dropped."
            )
        by_key = {channel.key: channel for channel in self._channels}
        waiting = self._ask(lambda log: log.waiting(by_key)) or []
        dispatches = [
            Dispatch(by_key[alert.channel], message, alert.number)
            for alert in waiting
            if (message := self._read(alert)) is not None
        ]
        self._send(dispatches, _SECONDS_FOR_WAITING)

    def announce(self, news: News) -> None:
        """Tell the channels what is due there."""
        self.send_waiting()
        announcements = list(self.announcements(news))
        new = [_new_alert(item, news.store) for item in announcements]
        # A transaction for nothing is none.
        queued = (self._ask(lambda log: log.queue(new)) if new else None) or []
        numbers: list[int | None] = [alert.number for alert in queued] or [None] * len(announcements)
        pairs = zip(announcements, numbers, strict=True)
        self._send([Dispatch(item.channel, item.message, number) for item, number in pairs], SECONDS)
        if new and not queued:
            self._warn("alerts: what was sent could not be noted, so it may be sent again by the next run.")

    def announcements(self, news: News) -> Iterator[Announcement]:
        """Yield what is due, without sending it."""
        now = datetime.now(UTC)
        for channel in self._channels:
            told = {incident: self._told(news.store, channel, incident) for incident in incidents(channel.name)}
            for item in due(channel.name, news.finding, told, self._policy, now):
                yield Announcement(channel, news.compose(item.occasion), item.state)

    def _told(self, store: StoreIdentity, channel: Channel, incident: Incident) -> Told | None:
        last = self._ask(lambda log: log.last(store, channel.key, str(incident)))
        if last is None or last.settled is not None:
            return None if last is None else Told(last.state, last.settled or last.created)
        heard = self._ask(lambda log: log.last_delivered(store, channel.key, str(incident)))
        return Told(last.state, last.created, Verdict.OK if heard is None else heard.state)

    def _send(self, dispatches: Sequence[Dispatch], seconds: float) -> None:
        if not dispatches:
            return
        began = time.monotonic()
        for delivery in send(dispatches, Deadline.after(min(seconds, self._seconds_left))):
            self._settle(delivery)
            self.deliveries.append(delivery)
        self._seconds_left = max(0.0, self._seconds_left - (time.monotonic() - began))

    def _settle(self, delivery: Delivery) -> None:
        number = delivery.dispatch.number
        channel, message = delivery.dispatch.channel, delivery.dispatch.message
        if delivery.delivered:
            logger.info("%s: %s of %s delivered: %s", channel.name, message.kind, message.run_id, delivery.said)
            if number is not None:
                self._ask(lambda log: log.delivered(number, datetime.now(UTC)))
            return
        if number is not None:
            self._ask(lambda log: log.failed(number, delivery.said))
        kept = "the next run tries again" if number is not None else "it could not be kept for the next run either"
        self._warn(f"{channel.name}: the alert of {message.run_id} was not delivered: {delivery.said}; {kept}.")

    def _read(self, alert: LoggedAlert) -> Message | None:
        try:
            message = Message.from_plain(alert.message)
        except (KeyError, TypeError, ValueError):
            # As another version wrote it. It counts as not told, so that this run tells what is still so.
            self._ask(lambda log: log.drop(alert.number))
            self._warn(f"{alert.channel}: the alert of {alert.run_id} that waited cannot be read and is dropped.")
            return None
        message = message.without_texts() if self._redact else message
        return replace(message, headline=f"Delayed, of {message.started} · {message.headline}")

    def _ask(self, question: Callable[[AlertLog], Answer]) -> Answer | None:
        """Return what the log answers; one that fails once is asked no more: better told twice than never."""
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


def _new_alert(item: Announcement, store: StoreIdentity) -> NewAlert:
    message = item.message
    return NewAlert(
        channel=item.channel.key,
        incident=str(message.incident),
        store=store,
        run_id=message.run_id,
        kind=str(message.kind),
        verdict=message.verdict,
        state=item.state,
        created=datetime.now(UTC),
        message=message.as_plain(),
    )
