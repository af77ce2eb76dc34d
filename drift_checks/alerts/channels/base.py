"""What every channel is, and how long it keeps trying."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Protocol, TypeVar

from drift_checks.alerts.message import Message
from drift_checks.core.instants import LONGEST_PAUSE, format_instant

Answer = TypeVar("Answer")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0


class NotDelivered(Exception):
    """A message did not arrive; the text says why, in a phrase without any secret."""


class TryAgain(Exception):
    """A message did not arrive but may do so later: why, and for how many seconds the other side asks to wait."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds or 0.0


@dataclass(frozen=True)
class Deadline:
    """A moment by which all sending ends, on the clock of `time.monotonic`."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the moment so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def seconds_left(self) -> float:
        """The seconds until then, 0 if it is past."""
        return max(0.0, self.at - time.monotonic())


class Channel(Protocol):
    """A way for messages to reach people.

    The name is as in the setting `alerts`. The key tells it from other channels, also of the same name; it is stable
    from run to run, and no secret.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def key(self) -> str: ...  # noqa: D102

    def obstacle(self) -> str:
        """Return what in the environment keeps messages from being sent, empty if nothing does."""

    def payload(self, message: Message) -> str:
        """Return what would be sent, for people to read, without any secret."""

    def send(self, message: Message, deadline: Deadline) -> str:
        """Send the message; return the answer in a phrase, as in "200 ok".

        Raises:
            NotDelivered: It did not arrive, or nobody knows whether it did.
        """


def keep_trying(attempt: Callable[[], Answer], deadline: Deadline) -> Answer:
    """Return what the attempt returns; while it raises `TryAgain`, repeat it after pauses that grow.

    Raises:
        NotDelivered: With the last reason, if the next pause would outlast the deadline.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except TryAgain as error:
            failure = error
        # Raised outside the handler, so that no traceback leads to a library's words.
        if failure.seconds and failure.seconds >= deadline.seconds_left:
            raise NotDelivered(f"{failure}, and asks to wait {_until(failure.seconds)}")
        seconds = max(pause * random.uniform(0.5, 1.0), failure.seconds)  # noqa: S311 - a pause
        if seconds >= deadline.seconds_left:
            raise NotDelivered(str(failure))
        time.sleep(seconds)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _until(seconds: float) -> str:
    """Return when the pause ends."""
    if seconds >= LONGEST_PAUSE:
        return "for a year or longer"
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=ceil(seconds))
    return f"until {format_instant(moment)}"
