"""`python -m drift_checks alert-failure`: the alert about a review that ended without a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drift_checks.commands import run_command
from tests.support.alert_server import AlertServer

KEY = "R0123456789abcdef0123456789abcdef"
SERVICE = "--service=drift-review.service"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AlertServer]:
    """Slack and PagerDuty, both configured, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    with AlertServer().running() as running:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", running.webhook)
        monkeypatch.setenv("PAGERDUTY_API_KEY", KEY)
        monkeypatch.setenv("DRIFT_PAGERDUTY_URL", running.events)
        yield running


def alert(*arguments: str) -> int:
    """Run the command for a store."""
    return run_command("alert-failure", ["--drift-db=/data/risk.db", *arguments])


def test_a_review_that_broke_down_is_an_outage(server: AlertServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Never drift: PagerDuty gets an incident of another class, people where to look. It is sent once."""
    assert alert("--status=3", SERVICE) == 0
    (event,), (message,) = server.pagerduty, server.slack
    assert (event["event_action"], event["payload"]["class"]) == ("trigger", "review_unavailable")
    assert "FAILED · risk.db · the review broke down (exit 3, internal error)" in message["text"]
    assert "journalctl -u drift-review.service -n 50" in str(message["blocks"])
    assert server.violations == []
    assert "slack: 200 ok" in capsys.readouterr().out
    assert alert("--status=KILL", "--result=oom-kill") == 0
    assert (len(server.slack), len(server.pagerduty)) == (1, 1)
    assert "nothing is due: the failure was reported before" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "outcome"),
    [
        (("--status=KILL", "--result=signal"), "was ended by KILL (signal)"),
        # As a shell reports a signal: 128 and its number.
        (("--status=137",), "was killed (SIGKILL"),
        (("--status=143",), "was ended by SIGTERM"),
        (("--status=203",), "ended with 203"),
        # The service manager's word says more than the exit code that followed.
        (("--status=2", "--result=timeout"), "took longer than it may"),
        # A setting that cannot be used may be why the review failed.
        (("--status=4", "--drift-sample-size=many"), "could not begin (exit 4"),
        (("--status=4", "-cmissing.ini"), "could not begin (exit 4"),
    ],
)
def test_the_headline_says_how_the_review_ended(server: AlertServer, arguments: tuple[str, ...], outcome: str) -> None:
    """By the status, or the service manager's word."""
    assert alert(*arguments, SERVICE) == 0
    assert outcome in server.slack[0]["text"]
    assert "systemctl reset-failed drift-review.service; systemctl start" in str(server.slack[0]["blocks"])


@pytest.mark.parametrize("status", ["0", "1"])
def test_a_verdict_is_not_sent_again(server: AlertServer, status: str) -> None:
    """The review has sent it."""
    assert alert(f"--status={status}") == 0
    assert server.attempts == {}


def test_without_a_channel_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This is no error."""
    monkeypatch.chdir(tmp_path)
    for name in ("SLACK_WEBHOOK_URL", "PAGERDUTY_API_KEY", "DRIFT_SMTP_URL", "DRIFT_APPRISE_URLS"):
        monkeypatch.delenv(name, raising=False)
    assert alert("--status=3") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_does_not_stop_the_alert(
    server: AlertServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be why the review failed."""
    (tmp_path / "file").touch()
    assert alert("--status=4", f"--drift-reports={tmp_path / 'file' / 'reports'}") == 0
    assert len(server.slack) == 1
    assert "cannot be recorded" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        # Kept for the next review.
        ("{}/gone", "slack: the alert of failed-"),
        # Of no use at all.
        ("no address", "SLACK_WEBHOOK_URL: is not a valid address"),
    ],
)
def test_a_channel_that_fails_silences_no_other(
    server: AlertServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str, reason: str
) -> None:
    """The command reports it and exits with 1."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", address.format(server.address))
    assert alert("--status=4") == 1
    assert (len(server.slack), len(server.pagerduty)) == (0, 1)
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("status", ["", "-5", "256", "NONE"])
def test_an_invalid_status_is_refused(server: AlertServer, status: str) -> None:
    """With exit code 4."""
    with pytest.raises(SystemExit) as ended:
        alert(f"--status={status}")
    assert (ended.value.code, server.attempts) == (4, {})
