"""When a message is due: on a change, again after a while, and when all is well again; each once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from drift_checks.alerts.composition import Occasion
from drift_checks.alerts.message import Incident, Kind
from drift_checks.report.verdict import Verdict
from drift_checks.settings.pairs import PAGERDUTY


@dataclass(frozen=True)
class Policy:
    """Which verdicts are told, and how often.

    Attributes:
        alert_on: By channel, the verdicts that are told; any other counts as all being well.
        realert: After how long an unchanged verdict is told again.
        always_page: Whether a CRITICAL verdict is paged that is not confirmed.
        severities: The verdicts that are paged, each with PagerDuty's word for it.
    """

    alert_on: Mapping[str, Collection[Verdict]]
    realert: timedelta
    always_page: bool
    severities: Mapping[Verdict, str]


@dataclass(frozen=True)
class Told:
    """What a channel was told last of an incident.

    Attributes:
        state: OK, or the verdict that has not ended.
        moment: When.
        heard: What it was told last and has arrived, where what it was told last still waits; else None.
    """

    state: Verdict
    moment: datetime
    heard: Verdict | None = None


@dataclass(frozen=True)
class Finding:
    """What a run says that decides about messages.

    Attributes:
        verdict: Of the run.
        confirmed: Whether a CRITICAL verdict is more than chance may do in a single night.
        acknowledgements_ended: Whether any acknowledgement ended that was not told of.
    """

    verdict: Verdict
    confirmed: bool = False
    acknowledgements_ended: bool = False


@dataclass(frozen=True)
class Due:
    """A message that is due: why, and what the channel believes once it has arrived."""

    occasion: Occasion
    state: Verdict


def incidents(channel: str) -> tuple[Incident, ...]:
    """Return what a channel tells apart; people who read see one stream of messages."""
    return tuple(Incident) if channel == PAGERDUTY else (Incident.DRIFT,)


def due(
    channel: str, finding: Finding, told: Mapping[Incident, Told | None], policy: Policy, now: datetime
) -> Iterator[Due]:
    """Yield the messages that are due on a channel.

    Args:
        channel: Its name.
        finding: Of the run.
        told: What it was told last, of each of its incidents.
        policy: Which verdicts are told, and how often.
        now: With a zone.
    """
    for incident in incidents(channel):
        last = told.get(incident)
        state = _state(channel, incident, finding, policy)
        if state is None:
            continue
        kind = _kind(state, last, policy, now)
        if kind is None and channel != PAGERDUTY and finding.acknowledgements_ended:
            kind = Kind.ENDED
        if kind is not None:
            yield Due(Occasion(kind, incident, _before(last)), state)


def _kind(state: Verdict, last: Told | None, policy: Policy, now: datetime) -> Kind | None:
    believed = last.state if last else Verdict.OK
    if state is not believed:
        return Kind.RECOVERY if state is Verdict.OK else Kind.CHANGE
    if last is not None and state is not Verdict.OK and now - last.moment >= policy.realert:
        # Nobody is reminded of what has not arrived yet.
        return Kind.REMINDER if last.heard is None else Kind.CHANGE
    return None


def _before(last: Told | None) -> Verdict | None:
    if last is None:
        return None
    return last.state if last.heard is None else last.heard


def _state(channel: str, incident: Incident, finding: Finding, policy: Policy) -> Verdict | None:
    """Return what the channel is to believe: OK where the verdict is none that is told there, None for no other."""
    verdict = finding.verdict
    if channel != PAGERDUTY:
        if verdict in policy.alert_on[channel]:
            return verdict
        # Of a review that did not come about, nothing is known: neither that it is bad nor that all is well.
        return None if verdict is Verdict.INCONCLUSIVE else Verdict.OK
    if incident is Incident.REVIEW_UNAVAILABLE:
        return verdict if verdict is Verdict.INCONCLUSIVE and verdict in policy.severities else Verdict.OK
    if verdict is Verdict.INCONCLUSIVE:
        # Nothing is known of drift, so nothing is said.
        return None
    if verdict is Verdict.CRITICAL and not (finding.confirmed or policy.always_page):
        return None
    return verdict if verdict in policy.severities else Verdict.OK
