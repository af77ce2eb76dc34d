"""Messages in PagerDuty's form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.alerts.channels.pagerduty import PagerDuty, triggering
from drift_checks.alerts.message import Incident, Kind, Message, trial_message
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity
from tests.support.alert_messages import LONG, MESSAGES, hostile, many_changes, message
from tests.support.alert_rules import check_event
from tests.support.alert_server import PAGERDUTY_PATH, AlertServer
from tests.support.waiting import PATIENCE

KEY = "0123456789abcdef0123456789abcdef"
SEVERITIES = {Verdict.CRITICAL: "critical", Verdict.INCONCLUSIVE: "warning"}


def sent(*messages: Message) -> list[dict[str, Any]]:
    """Send the messages; return the accepted events, which must keep to the rules."""
    with AlertServer().running() as server:
        channel = PagerDuty(Secret(KEY), server.events, SEVERITIES)
        for each in messages:
            assert channel.send(each, Deadline.after(PATIENCE)).startswith("202 success")
        assert server.violations == []
        return server.pagerduty


@given(MESSAGES)
def test_every_event_keeps_to_the_rules(made: Message) -> None:
    """Whatever stores and models wrote, and however long."""
    event = {"routing_key": KEY} | triggering(made, "critical")
    assert check_event(event) == []
    assert len(json.dumps(event)) < 100_000


def test_an_event_of_any_length_is_accepted() -> None:
    """What does not fit is cut and counted, also acknowledgements that ended."""
    events = [{"routing_key": KEY} | triggering(made, "critical") for made in (hostile(LONG), many_changes(5000))]
    assert [check_event(event) for event in events] == [[], []]
    details = events[1]["payload"]["custom_details"]
    for name, noun in (("changes", "changes"), ("acknowledgements_ended", "acknowledgements")):
        *lines, last = details[name]
        assert len(lines) > 100
        assert last == f"… and {5000 - len(lines):,} more {noun}"


def test_critical_opens_an_incident_with_what_one_has_to_know() -> None:
    """Under the names that other programs read; a report that is not published is no link."""
    (event,) = sent(message())
    payload, details = event["payload"], event["payload"]["custom_details"]
    assert (event["event_action"], payload["severity"], payload["class"]) == ("trigger", "critical", "drift")
    assert (details["agreement_rate"], details["total_reviewed"], details["disagreements"]) == (0.6, 50, 20)
    assert event["client_url"] == message().report_url
    assert event["links"][0]["href"] == message().report_url
    unpublished = triggering(message(report_url=None), "critical")
    assert not {"client_url", "links"} & unpublished.keys()
    assert unpublished["payload"]["custom_details"]["report"].startswith("/srv/reports")


def test_a_recovery_resolves_the_same_incident() -> None:
    """By the store's key, whatever the run and the verdict."""
    opened, closed = sent(message(), message(kind=Kind.RECOVERY, verdict=Verdict.WARNING, run_id="another"))
    assert closed["event_action"] == "resolve"
    assert opened["dedup_key"] == closed["dedup_key"]


def test_another_severity_is_a_new_incident() -> None:
    """An open one would keep its severity."""
    events = sent(message(before=Verdict.WARNING))
    assert [event["event_action"] for event in events] == ["resolve", "trigger"]


def test_an_outage_is_another_incident() -> None:
    """Of another class, and less severe."""
    outage = message(incident=Incident.REVIEW_UNAVAILABLE, verdict=Verdict.INCONCLUSIVE)
    drift, unavailable = sent(message(), outage)
    assert drift["dedup_key"] != unavailable["dedup_key"]
    payload = unavailable["payload"]
    assert (payload["class"], payload["severity"]) == ("review_unavailable", "warning")


def test_a_trial_leaves_nobody_paged() -> None:
    """It opens an incident of its own and resolves it."""
    opened, closed = sent(trial_message(StoreIdentity("/data/a.db", "t", "c"), "2026-01-15T02:00:00Z", None))
    assert (opened["event_action"], closed["event_action"]) == ("trigger", "resolve")
    assert opened["payload"]["severity"] == "info"
    assert opened["dedup_key"] == closed["dedup_key"]
    assert opened["dedup_key"].endswith("-test")


@pytest.mark.parametrize("key", ["two words", "x" * 65])
def test_an_invalid_key_is_refused_and_not_repeated(key: str) -> None:
    """It may be a secret with a typing error."""
    with pytest.raises(SettingError, match="PAGERDUTY_API_KEY") as refused:
        PagerDuty(Secret(key), "https://events.example.com", SEVERITIES)
    assert key not in str(refused.value)


def test_a_refusal_comes_with_what_to_do() -> None:
    """Without the key, which the answer may quote."""
    with AlertServer().running() as server:
        server.always(PAGERDUTY_PATH, (400, json.dumps({"status": "invalid event", "errors": [f"{KEY} is wrong"]})))
        with pytest.raises(NotDelivered, match="check PAGERDUTY_API_KEY") as refused:
            PagerDuty(Secret(KEY), server.events, SEVERITIES).send(message(), Deadline.after(PATIENCE))
    assert KEY not in str(refused.value)


def test_a_dry_run_shows_the_event_without_its_key() -> None:
    """For people to read."""
    payload = PagerDuty(Secret(KEY), "https://events.example.com", SEVERITIES).payload(message())
    assert KEY not in payload
    assert json.loads(payload)["payload"]["severity"] == "critical"
