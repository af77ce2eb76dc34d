"""When a message is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.alerts.message import Incident, Kind, Message
from drift_checks.alerts.policy import Policy, incidents
from drift_checks.report.history.alert_log import Belief
from drift_checks.report.verdict import Verdict
from tests.support.alert_messages import message

OK, WARNING, CRITICAL, INCONCLUSIVE = Verdict.OK, Verdict.WARNING, Verdict.CRITICAL, Verdict.INCONCLUSIVE
TROUBLE = (WARNING, CRITICAL, INCONCLUSIVE)
NIGHT = timedelta(days=1)
BEGIN = datetime(2026, 1, 1, 2, tzinfo=UTC)


def policy(
    alert_on: tuple[Verdict, ...] = TROUBLE,
    realert: timedelta = timedelta(days=30),
    severities: dict[Verdict, str] | None = None,
    *,
    always_page: bool = False,
) -> Policy:
    """Return a policy."""
    found = {CRITICAL: "critical", INCONCLUSIVE: "warning"} if severities is None else severities
    return Policy({"slack": alert_on}, realert, always_page, found)


def night(verdict: Verdict, confirmed: bool = False, ended: tuple[str, ...] = ()) -> Message:
    """Return the message about a night."""
    return message(verdict=verdict, confirmed=confirmed and verdict is CRITICAL, ended=ended)


def of_verdicts(*verdicts: Verdict) -> list[Message]:
    """Return the messages about nights with these verdicts, each CRITICAL confirmed."""
    return [night(verdict, confirmed=True) for verdict in verdicts]


def sent(channel: str, messages: list[Message], by: Policy) -> list[list[str]]:
    """Return what a channel is sent night by night, if every message arrives."""
    believed: dict[Incident, Belief | None] = dict.fromkeys(Incident)
    nights = []
    for number, each in enumerate(messages):
        now = BEGIN + number * NIGHT
        due = list(by.due(channel, each, believed, now))
        nights.append([f"{item.incident}: {item.kind} {state}" for item, state in due])
        believed |= {item.incident: Belief(state, now) for item, state in due}
    return nights


TEN_NIGHTS = of_verdicts(OK, WARNING, WARNING, CRITICAL, CRITICAL, INCONCLUSIVE, CRITICAL, OK, OK, CRITICAL)


def test_people_get_each_change_once_and_the_recovery() -> None:
    """Ten nights, six messages."""
    assert sent("slack", TEN_NIGHTS, policy()) == [
        [],
        ["drift: change WARNING"],
        [],
        ["drift: change CRITICAL"],
        [],
        ["drift: change INCONCLUSIVE"],
        ["drift: change CRITICAL"],
        ["drift: recovery OK"],
        [],
        ["drift: change CRITICAL"],
    ]


def test_pagerduty_opens_an_incident_and_closes_it() -> None:
    """An outage of the reviewer is another incident, and neither closes nor opens the one about drift."""
    assert sent("pagerduty", TEN_NIGHTS, policy()) == [
        [],
        [],
        [],
        ["drift: change CRITICAL"],
        [],
        ["review_unavailable: change INCONCLUSIVE"],
        ["review_unavailable: recovery OK"],
        ["drift: recovery OK"],
        [],
        ["drift: change CRITICAL"],
    ]


CRITICAL_ALONE = policy(alert_on=(CRITICAL,))
PAGED_WARNING = policy(severities={WARNING: "info", CRITICAL: "critical"})


@pytest.mark.parametrize(
    ("channel", "messages", "by", "expected"),
    [
        # A WARNING is no longer CRITICAL, so it closes the incident.
        ("pagerduty", of_verdicts(CRITICAL, WARNING), policy(), ["change CRITICAL", "recovery OK"]),
        # With a severity of its own it changes the incident instead.
        (
            "pagerduty",
            of_verdicts(WARNING, CRITICAL, WARNING, OK),
            PAGED_WARNING,
            ["change WARNING", "change CRITICAL", "change WARNING", "recovery OK"],
        ),
        # A CRITICAL that may be chance neither opens nor closes an incident.
        (
            "pagerduty",
            [night(CRITICAL), night(OK), night(CRITICAL), night(CRITICAL, confirmed=True), night(CRITICAL)],
            policy(),
            ["", "", "", "change CRITICAL", ""],
        ),
        ("pagerduty", [night(CRITICAL)], policy(always_page=True), ["change CRITICAL"]),
        # It wakes nobody on other channels.
        ("slack", [night(CRITICAL)], policy(), ["change CRITICAL"]),
        # An outage that is not sent is no recovery, and the same CRITICAL behind it no change.
        (
            "slack",
            of_verdicts(CRITICAL, INCONCLUSIVE, CRITICAL, OK),
            CRITICAL_ALONE,
            ["change CRITICAL", "", "", "recovery OK"],
        ),
        # Any other verdict that is not sent counts as recovered.
        (
            "slack",
            of_verdicts(WARNING, CRITICAL, WARNING, OK),
            CRITICAL_ALONE,
            ["", "change CRITICAL", "recovery OK", ""],
        ),
        # OK is never repeated.
        ("slack", of_verdicts(OK, OK, OK), policy(realert=timedelta(hours=1)), ["", "", ""]),
        # An open incident is not repeated by a night that knows nothing about drift.
        (
            "pagerduty",
            of_verdicts(CRITICAL, INCONCLUSIVE),
            policy(realert=timedelta(hours=1), severities={CRITICAL: "critical"}),
            ["change CRITICAL", ""],
        ),
        (
            "slack",
            of_verdicts(WARNING, WARNING),
            policy(realert=timedelta(hours=20)),
            ["change WARNING", "reminder WARNING"],
        ),
        # The end of an acknowledgement is a message of its own only if no other is due, and wakes nobody.
        ("slack", [night(OK, ended=("a",))], policy(), ["ended OK"]),
        ("pagerduty", [night(OK, ended=("a",))], policy(), [""]),
        ("slack", [night(WARNING, ended=("a",))], policy(), ["change WARNING"]),
    ],
)
def test_each_night_sends_what_is_due(channel: str, messages: list[Message], by: Policy, expected: list[str]) -> None:
    """Changes, recoveries, reminders and ended acknowledgements, about drift."""
    assert sent(channel, messages, by) == [[f"drift: {what}"] if what else [] for what in expected]


def test_a_message_that_has_not_arrived_is_no_reminder() -> None:
    """It is still a change from what arrived last."""
    waiting = Belief(CRITICAL, BEGIN, delivered=WARNING)
    by = policy(realert=NIGHT)
    ((item, state),) = by.due("slack", night(CRITICAL), {Incident.DRIFT: waiting}, BEGIN + NIGHT)
    assert (item.kind, item.before, state) == (Kind.CHANGE, WARNING, CRITICAL)


MESSAGES = st.lists(st.builds(night, st.sampled_from(Verdict), st.booleans()), max_size=12)
POLICIES = st.builds(
    policy,
    st.sets(st.sampled_from(TROUBLE)).map(tuple),
    severities=st.dictionaries(st.sampled_from(TROUBLE), st.just("error")),
    always_page=st.booleans(),
)


@given(MESSAGES, POLICIES, st.sampled_from(["slack", "pagerduty"]))
def test_a_night_that_is_ok_closes_what_was_opened(messages: list[Message], by: Policy, channel: str) -> None:
    """On each channel, for each incident; what was never opened is never closed."""
    nights = sent(channel, [*messages, night(OK)], by)
    for incident in incidents(channel):
        kinds = [line.split()[1] for lines in nights for line in lines if line.startswith(f"{incident}:")]
        assert kinds[-1:] in ([], [str(Kind.RECOVERY)])
        assert kinds[:1] != [str(Kind.RECOVERY)]


@given(MESSAGES, POLICIES, st.sampled_from(["slack", "pagerduty"]))
def test_the_same_night_again_sends_nothing(messages: list[Message], by: Policy, channel: str) -> None:
    """Each change is sent once."""
    twice = [each for each in messages for _ in range(2)]
    assert all(not second for second in sent(channel, twice, by)[1::2])
