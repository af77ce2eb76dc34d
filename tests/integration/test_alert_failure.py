"""`python -m drift_checks alert-failure`: what a service tells when a review ended without a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drift_checks.commands import command, run_command
from tests.support.alert_server import AlertServer

KEY = "R0123456789abcdef0123456789abcdef"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AlertServer]:
    """Slack and PagerDuty, both configured, for somebody in an empty folder."""
    monkeypatch.chdir(tmp_path)
    with AlertServer().running() as running:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", running.webhook)
        monkeypatch.setenv("PAGERDUTY_API_KEY", KEY)
        monkeypatch.setenv("DRIFT_PAGERDUTY_URL", running.events)
        yield running


def tell(*arguments: str) -> int:
    """Give the command for a store."""
    return run_command(command("alert-failure"), ["--drift-db=/data/risk.db", *arguments])


def test_a_review_that_broke_down_is_told_as_an_outage(server: AlertServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Never as drift: PagerDuty gets an incident of another class, people where to look."""
    assert tell("--status=3", "--service=drift-review.service") == 0
    (event,), (message,) = server.pagerduty, server.slack
    assert (event["event_action"], event["payload"]["class"]) == ("trigger", "review_unavailable")
    assert "FAILED · risk.db · the review broke down (exit 3, internal error)" in message["text"]
    assert "journalctl -u drift-review.service -n 50" in str(message["blocks"])
    assert server.violations == []
    assert "slack: 200 ok" in capsys.readouterr().out


def test_it_is_told_once(server: AlertServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A service that fails every night reminds like any verdict."""
    assert (tell("--status=3"), tell("--status=KILL", "--result=oom-kill")) == (0, 0)
    assert (len(server.slack), len(server.pagerduty)) == (1, 1)
    assert "nothing is due: it has been told" in capsys.readouterr().out


def test_a_signal_is_told_with_its_reason(server: AlertServer) -> None:
    """As the service manager gives it."""
    tell("--status=KILL", "--result=signal")
    assert "was ended by KILL (signal)" in server.slack[0]["text"]


@pytest.mark.parametrize(
    ("status", "said"), [("137", "was killed (SIGKILL"), ("143", "was ended by SIGTERM"), ("203", "ended with 203")]
)
def test_a_signal_is_told_by_its_name(server: AlertServer, status: str, said: str) -> None:
    """As a shell gives it, 128 and its number."""
    tell(f"--status={status}")
    assert said in server.slack[0]["text"]


@pytest.mark.parametrize("wrong", ["--drift-sample-size=many", "--drift-chroma=http://host", "-cmissing.ini"])
def test_a_setting_that_cannot_be_used_keeps_nobody_from_being_told(server: AlertServer, wrong: str) -> None:
    """It may be why the review failed."""
    assert tell("--status=4", wrong) == 0
    assert "could not begin (exit 4" in server.slack[0]["text"]


@pytest.mark.parametrize("status", ["0", "1"])
def test_a_result_is_not_told_again(server: AlertServer, status: str) -> None:
    """The review has told it."""
    assert tell(f"--status={status}") == 0
    assert server.attempts == {}


def test_without_a_channel_nobody_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is no fault."""
    monkeypatch.chdir(tmp_path)
    for name in ("SLACK_WEBHOOK_URL", "PAGERDUTY_API_KEY", "DRIFT_SMTP_URL", "DRIFT_APPRISE_URLS"):
        monkeypatch.delenv(name, raising=False)
    assert tell("--status=3") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_keeps_nobody_from_being_told(
    server: AlertServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be why the review failed."""
    (tmp_path / "file").touch()
    assert tell("--status=4", f"--drift-reports={tmp_path / 'file' / 'reports'}") == 0
    assert len(server.slack) == 1
    assert "cannot be noted" in capsys.readouterr().err


def test_what_does_not_arrive_is_kept_for_the_next_review(
    server: AlertServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the command says so."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", f"{server.address}/gone")
    assert tell("--status=3") == 1
    said = capsys.readouterr()
    assert "slack: NOT delivered, answered 404" in said.out
    assert "the next run tries again" in said.err


def test_a_channel_that_cannot_be_used_silences_no_other(
    server: AlertServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be why the review failed; the command says so."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "no address")
    assert tell("--status=4") == 1
    assert (len(server.slack), len(server.pagerduty)) == (0, 1)
    assert "SLACK_WEBHOOK_URL: holds no address" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("result", "said"), [("timeout", "took longer than it may"), ("oom-kill", "took more memory than it may")]
)
def test_what_the_service_manager_did_is_told(server: AlertServer, result: str, said: str) -> None:
    """Not the exit code that came of it: a review that is ended in time exits as an interrupted one."""
    tell("--status=2", f"--result={result}", "--service=drift-review.service")
    assert said in server.slack[0]["text"]
    assert "systemctl reset-failed drift-review.service; systemctl start" in str(server.slack[0]["blocks"])


@pytest.mark.parametrize("status", ["", "-5", "256", "NONE"])
def test_a_status_that_is_none_is_refused(server: AlertServer, status: str) -> None:
    """With what is allowed."""
    with pytest.raises(SystemExit) as ended:
        tell(f"--status={status}")
    assert (ended.value.code, server.attempts) == (4, {})
