"""What every channel is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from drift_checks.alerts.message import Message


class NotDelivered(Exception):
    """A message did not arrive; the text says why, in a phrase without any secret."""


@dataclass(frozen=True)
class Deadline:
    """A moment by which all sending ends.

    Attributes:
        at: On the clock of `time.monotonic`.
    """

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the moment so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def seconds_left(self) -> float:
        """How long it is until then, 0 where it is past."""
        return max(0.0, self.at - time.monotonic())


class Channel(Protocol):
    """A way for messages to reach people.

    Attributes:
        name: As in the setting `alerts`: slack, pagerduty, email or apprise.
        key: What tells it from others, also those of its name; stable from run to run, and no secret.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def key(self) -> str: ...  # noqa: D102

    def payload(self, message: Message) -> str:
        """Return what would be sent, for people to read: no secret is in it."""

    def send(self, message: Message, deadline: Deadline) -> str:
        """Send the message; return what came back, in a phrase, as in "200 ok".

        Raises:
            NotDelivered: It did not arrive, or it is not known to have.
        """
