"""`alert-test`, acknowledgements in alerts, and that no secret appears anywhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.alert_runs import APPRISE_PATH, ROUTING_KEY, Steered, channels, in_process
from tests.support.alert_server import PAGERDUTY_PATH, SLACK_PATH
from tests.support.mail_server import PASSWORD, USER
from tests.support.session_runs import Run
from tests.support.stores import NAME, BuiltStore

MONTH = str(datetime.now(UTC).date() + timedelta(days=30))
BECAUSE = "both are right"
NAMES = ("slack", "pagerduty", "email", "apprise")


@pytest.fixture
def steered(store: BuiltStore, tmp_path: Path) -> Iterator[Steered]:
    """Reviews with a chosen verdict, of a store that the test may change."""
    with channels(tmp_path / "mail") as healthy:
        made = Steered(tmp_path / "run", store, healthy)
        made.folder.mkdir()
        yield made


def alert_test(steered: Steered, *arguments: str) -> Run:
    """Run `python -m drift_checks alert-test` as a process, with all four channels."""
    secrets = steered.channels.environment | steered.channels.apprise
    options = ("alert-test", *steered.channels.options, *arguments)
    return in_process(steered.folder, *options, environment=secrets, way="module")


def secrets_in(text: str) -> list[str]:
    """Return the parts of secrets that the text holds, in any encoding."""
    login = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    parts = [SLACK_PATH.rpartition("/")[2], SLACK_PATH, ROUTING_KEY, PASSWORD, quote(PASSWORD, safe="")]
    parts += [APPRISE_PATH.rpartition("/")[2], login, base64.b64encode(PASSWORD.encode()).decode()]
    return [part for part in parts if part in text]


def files_with_secrets(folder: Path) -> list[str]:
    """Return the files below a folder that hold a secret."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if secrets_in(path.read_bytes().decode("latin-1"))]


def quote_secrets(steered: Steered) -> None:
    """Let every channel refuse its messages and quote the secrets."""
    server, mail = steered.channels.server, steered.channels.mail
    server.always(SLACK_PATH, (403, f"no access to {server.webhook} at {SLACK_PATH}"))
    server.always(PAGERDUTY_PATH, (400, json.dumps({"status": f"bad {ROUTING_KEY}", "errors": [ROUTING_KEY]})))
    server.always(APPRISE_PATH, (403, f"no access to {server.address}{APPRISE_PATH}"))
    mail.login_replies[:] = [f"535 5.7.8 {USER} has not the password {PASSWORD}"] * 50


def test_alert_test_shows_the_answers(steered: Steered) -> None:
    """A line for each channel, and 0; each message is marked as a test, and the incident is resolved again."""
    found = alert_test(steered)
    lines = [line.split(maxsplit=2) for line in found.out.splitlines()]
    assert (found.exit_code, found.err) == (0, "")
    assert [(name.partition("-")[0], state) for name, state, _ in lines] == [(name, "delivered:") for name in NAMES]
    assert [lines[0][2], lines[2][2]] == ["200 ok", "accepted for 2 of 2 recipients"]
    sent = steered.channels.news()
    assert [what for _, what in sent[:2]] == ["TEST", "TEST"]
    assert [event["event_action"] for event in steered.channels.server.pagerduty] == ["trigger", "resolve"]
    assert (steered.channels.server.violations, len(steered.channels.server.apprise)) == ([], 1)
    assert secrets_in(found.text) == []


def test_alert_test_names_the_channel_that_failed(steered: Steered) -> None:
    """1, and the others are delivered all the same."""
    steered.channels.server.then(SLACK_PATH, (404, "no_service"))
    found = alert_test(steered, "--drift-alerts=slack,pagerduty,email")
    failed = [line for line in found.out.splitlines() if "NOT delivered" in line]
    assert (found.exit_code, [line.split()[0] for line in failed]) == (1, ["slack"])
    assert [channel for channel, _ in steered.channels.news()] == ["email", "pagerduty", "pagerduty"]


def test_alert_test_shows_no_secret_that_comes_back(steered: Steered) -> None:
    """Although every server quotes it."""
    quote_secrets(steered)
    found = alert_test(steered)
    assert (found.exit_code, found.out.count("NOT delivered"), secrets_in(found.text)) == (1, 4, [])
    assert "Traceback" not in found.text


def test_alert_test_without_a_channel_is_refused(steered: Steered) -> None:
    """The error names the variables."""
    found = in_process(steered.folder, "alert-test", environment={}, way="module")
    assert (found.exit_code, "SLACK_WEBHOOK_URL" in found.err, "Traceback" in found.text) == (4, True, False)


def test_run_shows_no_secret_that_comes_back(steered: Steered) -> None:
    """Neither on the terminal nor in reports, history, metrics or a full log of the libraries."""
    quote_secrets(steered)
    log = ("--log-file=everything.log", "--log-file-level=DEBUG", "--log-level=DEBUG", "-rA", "--showlocals")
    secrets = steered.channels.environment | steered.channels.apprise
    arguments = steered.arguments("CERTAIN", *log)
    found = in_process(steered.folder, *arguments, environment=secrets, way="pytest")
    assert {item["delivered"] for item in found.drift["alerts"]} == {False}
    assert (len(found.drift["alerts"]), (steered.folder / "everything.log").exists()) == (4, True)
    assert (secrets_in(found.text), files_with_secrets(steered.folder)) == ([], [])


def test_invalid_secret_is_refused_unseen(steered: Steered) -> None:
    """Before anything runs: the variable is named, its value is not."""
    broken = {"DRIFT_SMTP_URL": f"mail://{quote(USER)}:{quote(PASSWORD, safe='')}@127.0.0.1:25"}
    found = steered.run("OK", environment=steered.channels.environment | broken)
    assert (found.exit_code, "DRIFT_SMTP_URL" in found.refusal, secrets_in(found.text)) == (4, True, [])


def acknowledge(steered: Steered, *arguments: str) -> Run:
    """Run `python -m drift_checks acknowledge` as a process; it must succeed."""
    found = in_process(steered.folder, "acknowledge", *arguments, environment={}, way="module")
    assert (found.exit_code, found.err) == (0, "")
    return found


@pytest.fixture
def acknowledged(steered: Steered) -> Steered:
    """A store whose WARNING, six of thirty, was sent, and two of whose disagreements were acknowledged then."""
    steered.run("WARNING")
    steered.channels.news()
    for record in ("4", "8"):
        acknowledge(steered, record, "--until", MONTH, "--reason", BECAUSE)
    return steered


def test_acknowledged_disagreement_does_not_count(acknowledged: Steered) -> None:
    """Four of the other twenty-eight are OK again; it is shown as acknowledged, in terminal and report."""
    found = acknowledged.run("WARNING")
    agreement = found.drift["agreement"]
    assert (found.drift["verdict"], agreement["agreed"], agreement["reviewed"]) == ("OK", 24, 28)
    assert acknowledged.channels.news() == [("slack", "OK again"), ("email", "OK again")]
    assert ("4 of 28 disagree" in found.out, "2 acknowledged" in found.out) == (True, True)
    assert [(item["record_id"], item["found"]) for item in found.drift["acknowledged"]] == [(4, True), (8, True)]
    assert BECAUSE in (found.folder / "index.html").read_text(encoding="utf-8")
    listed = json.loads(acknowledge(acknowledged, "--list", "--format", "json").out)
    assert [(item["record_id"], item["state"]) for item in listed] == [(4, "holds"), (8, "holds")]
    acknowledge(acknowledged, "--withdraw", "1")
    agreement = acknowledged.run("WARNING").drift["agreement"]
    assert (agreement["agreed"], agreement["reviewed"]) == (24, 29)


def test_end_of_an_acknowledgement_is_sent_with_the_verdict(acknowledged: Steered) -> None:
    """It counts again, and the message says why; the run after that does not repeat it."""
    acknowledged.run("WARNING")
    acknowledged.channels.news()
    acknowledged.store.execute(f"update {NAME} set model_version = 'model-2'")
    found = acknowledged.run("WARNING")
    assert (found.drift["verdict"], found.drift["agreement"]["reviewed"]) == ("WARNING", 30)
    assert acknowledged.channels.news() == [("slack", "WARNING"), ("email", "WARNING")]
    assert json.dumps(acknowledged.channels.server.slack[-1]).count("is no longer acknowledged") == 2
    assert acknowledged.sent("WARNING") == []
