"""When a message is due: on a change, again after a while, and on recovery; each once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from drift_checks.alerts.message import Incident, Kind, Message
from drift_checks.report.history.alert_log import Belief
from drift_checks.report.verdict import Verdict
from drift_checks.settings.pairs import PAGERDUTY


def incidents(channel: str) -> tuple[Incident, ...]:
    """Return the incidents that a channel tells apart; people who read get one stream of messages."""
    return tuple(Incident) if channel == PAGERDUTY else (Incident.DRIFT,)


@dataclass(frozen=True)
class Policy:
    """Which verdicts are sent, and how often.

    `alert_on` holds the verdicts that each channel sends; any other counts as recovered. An unchanged verdict is sent
    again after `realert`. `always_page` also pages a CRITICAL verdict that is not confirmed; `severities` holds the
    verdicts that are paged, each with PagerDuty's word for it.
    """

    alert_on: Mapping[str, Collection[Verdict]]
    realert: timedelta
    always_page: bool
    severities: Mapping[Verdict, str]

    def due(
        self, channel: str, message: Message, believed: Mapping[Incident, Belief | None], now: datetime
    ) -> Iterator[tuple[Message, Verdict]]:
        """Yield each message that is due, with the state that the channel then believes of the incident."""
        for incident in incidents(channel):
            belief = believed.get(incident)
            state = self._state(channel, incident, message)
            if state is None:
                continue
            kind = self._kind(state, belief, now)
            if kind is None and channel != PAGERDUTY and message.ended:
                kind = Kind.ENDED
            if kind is not None:
                before = None if belief is None else belief.delivered or belief.state
                yield message.sent_as(kind, incident, before), state

    def _kind(self, state: Verdict, belief: Belief | None, now: datetime) -> Kind | None:
        if state is not (belief.state if belief else Verdict.OK):
            return Kind.RECOVERY if state is Verdict.OK else Kind.CHANGE
        # The clock may have been ahead when the last message was sent: that must not silence the channel until then.
        if belief and state is not Verdict.OK and not timedelta(0) <= now - belief.since < self.realert:
            # A reminder of what has not arrived yet would be the first message.
            return Kind.REMINDER if belief.delivered is None else Kind.CHANGE
        return None

    def _state(self, channel: str, incident: Incident, message: Message) -> Verdict | None:
        """Return what the channel is to believe: OK for a verdict that is not sent there, None for no change."""
        verdict = message.verdict
        if channel != PAGERDUTY:
            if verdict in self.alert_on[channel]:
                return verdict
            # Without reviews nothing is known, neither trouble nor recovery.
            return None if verdict is Verdict.INCONCLUSIVE else Verdict.OK
        paged = verdict in self.severities
        if incident is Incident.REVIEW_UNAVAILABLE:
            return verdict if verdict is Verdict.INCONCLUSIVE and paged else Verdict.OK
        unconfirmed = verdict is Verdict.CRITICAL and not (message.confirmed or self.always_page)
        if verdict is Verdict.INCONCLUSIVE or unconfirmed:
            return None
        return verdict if paged else Verdict.OK
