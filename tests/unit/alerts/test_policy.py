"""When a message is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.alerts.message import Incident, Kind
from drift_checks.alerts.policy import Finding, Policy, Told, due, incidents
from drift_checks.report.verdict import Verdict

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


def nights(channel: str, findings: list[Finding], by: Policy) -> list[list[str]]:
    """Return what a channel is told night by night, where each message arrives."""
    told: dict[Incident, Told | None] = dict.fromkeys(Incident)
    said = []
    for number, finding in enumerate(findings):
        now = BEGIN + number * NIGHT
        messages = list(due(channel, finding, told, by, now))
        said.append([f"{item.occasion.incident}: {item.occasion.kind} {item.state}" for item in messages])
        told |= {item.occasion.incident: Told(item.state, now) for item in messages}
    return said


def of_verdicts(*verdicts: Verdict, confirmed: bool = True) -> list[Finding]:
    """Return the findings of nights with these verdicts."""
    return [Finding(verdict, confirmed and verdict is CRITICAL) for verdict in verdicts]


TEN_NIGHTS = of_verdicts(OK, WARNING, WARNING, CRITICAL, CRITICAL, INCONCLUSIVE, CRITICAL, OK, OK, CRITICAL)


def test_people_are_told_of_each_change_once_and_of_the_recovery() -> None:
    """Ten nights, six messages."""
    assert nights("slack", TEN_NIGHTS, policy()) == [
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
    """An outage of the reviewer is another incident, and neither closes nor opens that of drift."""
    assert nights("pagerduty", TEN_NIGHTS, policy()) == [
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


def test_a_warning_closes_the_incident() -> None:
    """It is no longer CRITICAL."""
    said = nights("pagerduty", of_verdicts(CRITICAL, WARNING), policy())
    assert said == [["drift: change CRITICAL"], ["drift: recovery OK"]]


def test_a_warning_is_paged_where_a_severity_is_given_for_it() -> None:
    """Then it changes the incident, and OK closes it."""
    by = policy(severities={WARNING: "info", CRITICAL: "critical"})
    said = nights("pagerduty", of_verdicts(WARNING, CRITICAL, WARNING, OK), by)
    assert said == [
        ["drift: change WARNING"],
        ["drift: change CRITICAL"],
        ["drift: change WARNING"],
        ["drift: recovery OK"],
    ]


def test_nobody_is_woken_by_chance() -> None:
    """A CRITICAL verdict that is not confirmed neither opens nor closes an incident."""
    findings = [Finding(CRITICAL), Finding(OK), Finding(CRITICAL), Finding(CRITICAL, confirmed=True), Finding(CRITICAL)]
    assert nights("pagerduty", findings, policy()) == [[], [], [], ["drift: change CRITICAL"], []]


def test_every_critical_verdict_is_paged_where_that_is_wanted() -> None:
    """`page-when always`."""
    said = nights("pagerduty", [Finding(CRITICAL)], policy(always_page=True))
    assert said == [["drift: change CRITICAL"]]


def test_people_are_told_of_a_critical_verdict_that_is_not_confirmed() -> None:
    """It wakes nobody."""
    assert nights("slack", [Finding(CRITICAL)], policy()) == [["drift: change CRITICAL"]]


def test_an_outage_that_is_not_told_is_no_recovery() -> None:
    """Who asked for CRITICAL alone hears nothing of it, and of the same CRITICAL behind it nothing new."""
    said = nights("slack", of_verdicts(CRITICAL, INCONCLUSIVE, CRITICAL, OK), policy(alert_on=(CRITICAL,)))
    assert said == [["drift: change CRITICAL"], [], [], ["drift: recovery OK"]]


def test_nobody_is_reminded_of_what_has_not_arrived() -> None:
    """It is news still, and what changed is told from what was heard."""
    waiting = Told(CRITICAL, BEGIN, heard=WARNING)
    (item,) = due("slack", Finding(CRITICAL), {Incident.DRIFT: waiting}, policy(realert=NIGHT), BEGIN + NIGHT)
    assert (item.occasion.kind, item.occasion.before) == (Kind.CHANGE, WARNING)


def test_a_verdict_that_is_not_told_counts_as_all_being_well() -> None:
    """Who asked for CRITICAL alone hears when it is over, though it is WARNING still."""
    said = nights("slack", of_verdicts(WARNING, CRITICAL, WARNING, OK), policy(alert_on=(CRITICAL,)))
    assert said == [[], ["drift: change CRITICAL"], ["drift: recovery OK"], []]


@pytest.mark.parametrize(("hours", "expected"), [(20, "drift: reminder WARNING"), (25, None)])
def test_an_unchanged_verdict_is_told_again_after_a_while(hours: int, expected: str | None) -> None:
    """Not before."""
    said = nights("slack", of_verdicts(WARNING, WARNING), policy(realert=timedelta(hours=hours)))
    assert said[1] == ([expected] if expected else [])


def test_nobody_is_told_every_night_that_all_is_well() -> None:
    """However long ago it was said."""
    assert nights("slack", of_verdicts(OK, OK, OK), policy(realert=timedelta(hours=1))) == [[], [], []]


def test_an_open_incident_is_not_repeated_by_a_night_that_says_nothing_of_drift() -> None:
    """As one without reviews."""
    by = policy(realert=timedelta(hours=1), severities={CRITICAL: "critical"})
    assert nights("pagerduty", of_verdicts(CRITICAL, INCONCLUSIVE), by)[1] == []


@pytest.mark.parametrize(("channel", "expected"), [("slack", ["drift: ended OK"]), ("pagerduty", [])])
def test_the_end_of_an_acknowledgement_is_told_but_wakes_nobody(channel: str, expected: list[str]) -> None:
    """Also in a night that is OK."""
    assert nights(channel, [Finding(OK, acknowledgements_ended=True)], policy()) == [expected]


def test_the_end_of_an_acknowledgement_takes_no_message_of_its_own_beside_another() -> None:
    """The message on the change tells of it."""
    assert nights("slack", [Finding(WARNING, acknowledgements_ended=True)], policy()) == [["drift: change WARNING"]]


FINDINGS = st.lists(st.builds(Finding, st.sampled_from(Verdict), st.booleans()), max_size=12)
POLICIES = st.builds(
    policy,
    st.sets(st.sampled_from(TROUBLE)).map(tuple),
    severities=st.dictionaries(st.sampled_from(TROUBLE), st.just("error")),
    always_page=st.booleans(),
)


@given(FINDINGS, POLICIES, st.sampled_from(["slack", "pagerduty"]))
def test_what_was_opened_is_closed_by_a_night_that_is_ok(findings: list[Finding], by: Policy, channel: str) -> None:
    """On each channel, for each incident, and what was never opened is never closed."""
    said = nights(channel, [*findings, Finding(OK)], by)
    for incident in incidents(channel):
        kinds = [line.split()[1] for night in said for line in night if line.startswith(f"{incident}:")]
        assert kinds[-1:] in ([], [str(Kind.RECOVERY)])
        assert kinds[:1] != [str(Kind.RECOVERY)]


@given(FINDINGS, POLICIES, st.sampled_from(["slack", "pagerduty"]))
def test_the_same_night_over_again_says_nothing_new(findings: list[Finding], by: Policy, channel: str) -> None:
    """Each change is told once."""
    twice = [finding for finding in findings for _ in range(2)]
    assert all(not second for second in nights(channel, twice, by)[1::2])
