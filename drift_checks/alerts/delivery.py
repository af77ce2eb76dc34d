"""Messages sent over all channels side by side, none waiting for another, all within one deadline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread

from drift_checks.alerts.channels.base import Channel, Deadline, NotDelivered
from drift_checks.alerts.message import Message

# Channels mind the deadline themselves; this is for one that does not.
_GRACE_SECONDS = 0.5


@dataclass(frozen=True)
class Dispatch:
    """A message for a channel; `number` is that under which it is kept, None where it is not."""

    channel: Channel
    message: Message
    number: int | None = None


@dataclass(frozen=True)
class Delivery:
    """What became of a message: whether it arrived, and what came back or why not, in a phrase."""

    dispatch: Dispatch
    delivered: bool
    said: str


def send(dispatches: Sequence[Dispatch], deadline: Deadline) -> Iterator[Delivery]:
    """Send the messages, those of each channel in their order; yield what became of each, as soon as it is known.

    Args:
        dispatches: The messages.
        deadline: By when all is over; what has not arrived by then counts as not delivered.
    """
    done: SimpleQueue[Delivery] = SimpleQueue()
    by_channel: dict[str, list[Dispatch]] = {}
    for dispatch in dispatches:
        by_channel.setdefault(dispatch.channel.key, []).append(dispatch)
    for key, those in by_channel.items():
        # Never waited for at the end of the process, unlike the threads of an executor.
        Thread(target=_send_in_order, args=(those, deadline, done), daemon=True, name=f"drift-alert-{key}").start()
    open_ones = {id(dispatch): dispatch for dispatch in dispatches}
    while open_ones:
        try:
            delivery = done.get(timeout=deadline.seconds_left + _GRACE_SECONDS)
        except Empty:
            break
        del open_ones[id(delivery.dispatch)]
        yield delivery
    for dispatch in open_ones.values():
        yield Delivery(dispatch, delivered=False, said="no answer in time")


def _send_in_order(dispatches: Sequence[Dispatch], deadline: Deadline, done: SimpleQueue[Delivery]) -> None:
    for dispatch in dispatches:
        done.put(_send(dispatch, deadline))


def _send(dispatch: Dispatch, deadline: Deadline) -> Delivery:
    if not deadline.seconds_left:
        return Delivery(dispatch, delivered=False, said="not tried: the time for all alerts was over")
    try:
        return Delivery(dispatch, delivered=True, said=dispatch.channel.send(dispatch.message, deadline))
    except NotDelivered as error:
        return Delivery(dispatch, delivered=False, said=str(error))
    except Exception as error:
        # What a library says may quote the address.
        return Delivery(dispatch, delivered=False, said=f"the channel broke down ({type(error).__name__})")
