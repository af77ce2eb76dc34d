"""Messages in Slack's form."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.alerts.channels.slack import Slack, document, escaped
from drift_checks.alerts.message import Message, trial_message
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret
from drift_checks.stores.identity import StoreIdentity
from tests.support.alert_messages import HOSTILE, LONG, MESSAGES, hostile, many_changes, message
from tests.support.alert_rules import check_slack
from tests.support.alert_server import SLACK_PATH, AlertServer
from tests.support.waiting import PATIENCE


def section(made: Message, title: str) -> str:
    """Return the text below a title."""
    blocks = document(made)["blocks"]
    (place,) = [number for number, block in enumerate(blocks) if title in str(block.get("text"))]
    text: str = blocks[place + 1]["text"]["text"]
    return text


@given(MESSAGES)
def test_every_message_keeps_to_the_rules(made: Message) -> None:
    """Whatever stores and models wrote, and however long."""
    assert check_slack(document(made)) == []


@pytest.mark.parametrize("text", [HOSTILE, LONG, "&" * 100_000, "`" * 100_000])
def test_a_hostile_text_mentions_nobody_and_links_nowhere(text: str) -> None:
    """It is in plain text only, and does not change the form around it."""
    made = document(hostile(text))
    assert check_slack(made) == []
    assert made["mrkdwn"] is False
    formatted = [json.dumps(block) for block in made["blocks"] if '"mrkdwn"' in json.dumps(block)]
    assert not any(mark in block for block in formatted for mark in ("lt;", "~", "`", "script"))


@pytest.mark.parametrize("longest", [0, 1, 3, 5, 6, 30])
def test_an_entity_is_never_torn(longest: int) -> None:
    """The text is cut to the limit, however small."""
    text = escaped("a&b<c" * 10, longest)
    assert len(text) <= longest
    assert text.rstrip("…").replace("&amp;", "").replace("&lt;", "").isalpha() or len(text) < 2


def test_lines_that_do_not_fit_are_counted() -> None:
    """Each line that is shown is whole; criteria and disagreements take their shares of the limit."""
    *lines, last = section(many_changes(5000), "Since the last run").splitlines()
    assert lines == [f"• record {place} (fraud → loan) is no longer acknowledged" for place in range(len(lines))]
    assert len(lines) > 30
    assert last == f"… and {5000 - len(lines):,} more changes"
    made = hostile("<&" * 1000)
    assert section(made, "Criteria").count("What to do") == 3
    assert section(replace(made, more_criteria=1), "Criteria").endswith("\n… and 1 more criterion")
    assert section(made, "Disagreements").count("• record") == 5


def test_a_message_says_what_one_has_to_know() -> None:
    """Verdict, store, figures, changes, criteria, disagreements, how to repeat the run, and the report."""
    text = json.dumps(document(message(repeat="cd '/a  b' && python -m drift_checks")), ensure_ascii=False)
    for part in (
        "CRITICAL · risk.db",
        "*Agreement rate*\\n60 %",
        "*Reviewed*\\n50",
        "*Disagreements*\\n20",
        "*95 % interval*",
        "46–72 %",
        "agreement 90 % → 60 %",
        "What to do: Read the disagreements.",
        "We are subject to laws",
        "20260115T020000Z-abc123",
        "cd '/a  b' &amp;&amp; python -m drift_checks",
    ):
        assert part in text, part


def test_a_published_report_is_a_button() -> None:
    """Else its path is at the end."""
    (actions,) = [block for block in document(message())["blocks"] if block["type"] == "actions"]
    assert actions["elements"][0]["url"] == message().report_url
    unpublished = document(message(report_url=None))["blocks"]
    assert all(block["type"] != "actions" for block in unpublished)
    assert "/srv/reports" in json.dumps(unpublished[-1])


def test_a_refusal_comes_with_what_to_do() -> None:
    """By the status of the answer; an accepted message keeps to Slack's rules."""
    with AlertServer().running() as server:
        channel = Slack(Secret(server.webhook))
        server.then(SLACK_PATH, (404, "no_service"), (410, "channel_is_archived"))
        for reason in ("answered 404 no_service: the webhook is gone: make a new one", "the channel is archived"):
            with pytest.raises(NotDelivered, match=reason):
                channel.send(message(), Deadline.after(PATIENCE))
        assert channel.send(message(), Deadline.after(PATIENCE)) == "200 ok"
        assert (len(server.slack), server.violations) == (1, [])


@pytest.mark.parametrize(
    "address",
    [
        *(
            '"https://hooks.slack.com/x"',
            "https://hooks.slack.com/x'",
            "https://hooks.slack.com/a b",
            "<https://a.bc/x>",
        ),
        *("https://hooks.slack.com/a\nb", "https://hooks.slack.com/a\tb", "https://hooks.slack.com/{token}"),
        *(
            "",
            "hooks.slack.com/services/x",
            "ftp://hooks.slack.com/x",
            "https:///x",
            "http://[x",
            "https://.example.com/x",
        ),
    ],
)
def test_an_invalid_address_is_refused_and_not_repeated(address: str) -> None:
    """It may be a secret with a typing error."""
    with pytest.raises(SettingError) as refused:
        Slack(Secret(address))
    assert "SLACK_WEBHOOK_URL" in str(refused.value)
    assert not address or address not in str(refused.value)


def test_a_dry_run_shows_the_document() -> None:
    """Without the address."""
    channel = Slack(Secret("https://hooks.example.com/services/secret"))
    assert json.loads(channel.payload(message())) == document(message())
    assert "secret" not in channel.payload(message())


def test_a_trial_is_marked_as_a_test() -> None:
    """Nobody takes it for drift."""
    made = document(trial_message(StoreIdentity("/data/a.db", "t", "c"), "2026-01-15T02:00:00Z", None))
    assert check_slack(made) == []
    assert "TEST" in made["text"]
    assert "This is a test" in json.dumps(made["blocks"])
