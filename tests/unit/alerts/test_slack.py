"""Messages in the form of Slack."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.alerts.channels.slack import Slack, document
from drift_checks.alerts.composition import trial_message
from drift_checks.alerts.message import Message
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret
from drift_checks.report.history.recorded import StoreIdentity
from tests.support.alert_messages import HOSTILE, LONG, MESSAGES, hostile, message
from tests.support.alert_rules import check_slack
from tests.support.alert_server import SLACK_PATH, AlertServer, shown


@given(MESSAGES)
def test_every_message_keeps_to_the_rules(made: Message) -> None:
    """Whatever stores and models wrote, and however long."""
    assert check_slack(document(made)) == []


@pytest.mark.parametrize("text", [HOSTILE, LONG, "&" * 100_000, "`" * 100_000])
def test_a_hostile_text_mentions_nobody_and_links_nowhere(text: str) -> None:
    """Nor does it change the form around it: it stands in plain text alone."""
    made = document(hostile(text))
    assert check_slack(made) == []
    assert made["mrkdwn"] is False
    formatted = [json.dumps(block) for block in made["blocks"] if '"mrkdwn"' in json.dumps(block)]
    assert not any(mark in block for block in formatted for mark in ("lt;", "~", "`", "script"))


def test_a_message_says_what_one_has_to_know() -> None:
    """Verdict, store, figures, changes, criteria, disagreements, how to repeat it, and the report."""
    text = shown(document(message()))
    for part in (
        "CRITICAL · risk.db",
        "*Agreement rate*\\n60 %",
        "*Reviewed*\\n50",
        "*Disagreements*\\n20",
        "*95 % interval*",
        "46–72 %",
        "agreement 90 % → 60 %".encode("unicode_escape").decode(),
        "What to do: Read the disagreements.",
        "We are subject to laws",
        "20260115T020000Z-abc123",
        "python -m drift_checks",
    ):
        assert part in text or part.encode("unicode_escape").decode() in text, part


def test_the_report_is_a_button_where_it_is_published() -> None:
    """Else its path stands at the end."""
    (actions,) = [block for block in document(message())["blocks"] if block["type"] == "actions"]
    assert actions["elements"][0]["url"] == message().report_url
    unpublished = document(message(report_url=None))["blocks"]
    assert all(block["type"] != "actions" for block in unpublished)
    assert "/srv/reports" in json.dumps(unpublished[-1])


def test_a_record_without_its_text_is_told_without_it() -> None:
    """As with `redact`."""
    made = message(disagreements=(replace(message().disagreements[0], text=None),))
    assert "We are subject" not in json.dumps(document(made))


def test_a_message_is_posted_and_its_answer_told() -> None:
    """Slack says ok."""
    with AlertServer().running() as server:
        assert Slack(Secret(server.webhook)).send(message(), Deadline.after(5)) == "200 ok"
        assert (len(server.slack), server.violations) == (1, [])


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, "no_service", "answered 404 no_service: the webhook is gone: make a new one in Slack"),
        (403, "action_prohibited", "answered 403 action_prohibited: the workspace does not allow it"),
        (410, "channel_is_archived", "the channel is archived"),
        (400, "invalid_payload", "Slack did not take its form"),
        (302, "", "answered 302"),
    ],
)
def test_an_answer_that_refuses_is_told_with_what_to_do(status: int, body: str, said: str) -> None:
    """And is not tried again."""
    with AlertServer().running() as server:
        server.always(SLACK_PATH, (status, body))
        with pytest.raises(NotDelivered, match=said):
            Slack(Secret(server.webhook)).send(message(), Deadline.after(5))
        assert server.attempts == {SLACK_PATH: 1}


@pytest.mark.parametrize(
    "address",
    ["", "hooks.slack.com/services/x", "ftp://hooks.slack.com/x", "https:///x", "http://[x", "https://.example.com/x"],
)
def test_what_is_no_address_is_refused_and_not_repeated(address: str) -> None:
    """It may be a secret with a slip in it."""
    with pytest.raises(SettingError) as refused:
        Slack(Secret(address))
    assert "SLACK_WEBHOOK_URL" in str(refused.value)
    assert not address or address not in str(refused.value)


def test_the_payload_of_a_dry_run_is_what_would_be_posted() -> None:
    """Without the address."""
    channel = Slack(Secret("https://hooks.example.com/services/secret"))
    assert json.loads(channel.payload(message())) == document(message())
    assert "secret" not in channel.payload(message())


def test_a_trial_is_marked_as_one() -> None:
    """Nobody takes it for drift."""
    made = document(trial_message(StoreIdentity("/data/a.db", "t", "c"), "2026-01-15T02:00:00Z", None))
    assert check_slack(made) == []
    assert "TEST" in made["text"]
    assert "This is a test" in json.dumps(made["blocks"])
