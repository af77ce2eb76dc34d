"""Channels that fail, and runs that are killed while they send: nothing is lost or hidden."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drift_checks.alerts import delivery
from tests.support.alert_runs import CLOSED, ROUTING_KEY, Steered, channels, command, logged, surroundings
from tests.support.alert_server import HANG, PAGERDUTY_PATH, SLACK_PATH
from tests.support.mail_server import PASSWORD
from tests.support.session_runs import Run
from tests.support.stores import BuiltStore

ALL = {"slack", "pagerduty", "email"}
DELAYED = [("slack", "delayed CRITICAL"), ("email", "delayed CRITICAL"), ("pagerduty", "trigger drift as critical")]


@pytest.fixture
def steered(_store_once: BuiltStore, tmp_path: Path) -> Iterator[Steered]:
    """Reviews with a chosen verdict."""
    with channels(tmp_path / "mail") as healthy:
        yield Steered(tmp_path / "run", _store_once, healthy)


def undelivered(run: Run) -> set[str]:
    """Return the channels whose message was not delivered, by report.json."""
    return {alert["channel"] for alert in run.drift["alerts"] if not alert["delivered"]}


def counted(run: Run) -> dict[str, int]:
    """Return how many messages wait for each channel, by the metrics."""
    text = (run.reports / "metrics.prom").read_text(encoding="utf-8")
    found = re.findall(r'^drift_checks_alerts_undelivered\{.*?channel="(\w+)".*?\} (\d+)', text, re.MULTILINE)
    return {channel: int(number) for channel, number in found}


def test_dead_channels_cost_a_limited_time_and_no_verdict(steered: Steered, monkeypatch: pytest.MonkeyPatch) -> None:
    """One refuses the connection, one hangs, one answers with errors: each is named, and gets its message later."""
    server, mail = steered.channels.server, steered.channels.mail
    assert delivery.SECONDS + delivery._GRACE_SECONDS < 30
    monkeypatch.setattr(delivery, "SECONDS", 3.0)
    server.always(PAGERDUTY_PATH, HANG)
    mail.replies[:] = ["451 4.3.0 out of order"] * 100
    secrets = steered.channels.environment | {"SLACK_WEBHOOK_URL": f"http://{CLOSED}{SLACK_PATH}"}
    began = time.monotonic()
    without = steered.run("CERTAIN", "--drift-alerts=none")
    between = time.monotonic()
    found = steered.run("CERTAIN", environment=secrets)
    # The limit, and what one run takes more than another.
    assert time.monotonic() - between < between - began + 20
    assert (found.exit_code, found.drift["verdict"]) == (without.exit_code, "CRITICAL")
    assert (undelivered(found), counted(found)) == (ALL, dict.fromkeys(ALL, 1))
    assert all(f"{name}: the alert of {found.folder.name} was not delivered" in found.err for name in ALL)
    assert not any(secret in found.text for secret in (SLACK_PATH, ROUTING_KEY, PASSWORD))
    server.then(PAGERDUTY_PATH)
    mail.replies.clear()
    steered.channels.news()
    found = steered.run("OK")
    sent = steered.channels.news()
    recovered = {"slack": "OK again", "email": "OK again", "pagerduty": "resolve drift"}
    for channel, what in DELAYED:
        assert [headline for name, headline in sent if name == channel][:2] == [what, recovered[channel]]
    assert (undelivered(found), counted(found)) == (set(), dict.fromkeys(ALL, 0))


@pytest.mark.parametrize(("verdict", "code"), [("WARNING", 0), ("INCONCLUSIVE", 75)])
def test_undelivered_alerts_change_no_exit_code(steered: Steered, verdict: str, code: int) -> None:
    """They are reported on stderr, in the summary, in report.json and in the metrics."""
    steered.channels.server.always(SLACK_PATH, (404, "no_service"))
    steered.channels.server.always(PAGERDUTY_PATH, (404, "no_service"))
    steered.channels.mail.replies[:] = ["550 not today"] * 20
    found = steered.run(verdict)
    concerned = ALL - {"pagerduty"} if verdict == "WARNING" else ALL
    assert (found.exit_code, found.drift["exit_code"]) == (code, code)
    assert (undelivered(found), counted(found)) == (concerned, dict.fromkeys(concerned, 1))
    assert all(name in found.err and f"{name}: change, NOT delivered" in found.out for name in concerned)


def killed_while_sending(steered: Steered, paths: set[str], *, mail: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a CRITICAL review and kill it once the servers have its messages, before any has answered."""
    server = steered.channels.server
    server.hold.set()
    mails = len(steered.channels.mail.mails)
    if mail:
        monkeypatch.setattr(steered.channels.mail, "hang", True)
    arguments = steered.arguments("CERTAIN", *steered.channels.options)
    process = subprocess.Popen(
        command("pytest", *arguments),
        cwd=steered.folder,
        env=surroundings(steered.folder, steered.channels.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (paths <= set(server.heard) and (steered.channels.mail.held or not mail)):
        assert process.poll() is None, "the run ended before it was killed"
        assert time.monotonic() < deadline, "the run sent nothing"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert len(steered.channels.mail.mails) == mails
    monkeypatch.undo()
    server.hold.clear()


@pytest.mark.slow
@pytest.mark.parametrize("next_verdict", ["CERTAIN", "OK"])
def test_run_killed_while_it_sends_loses_no_message(
    steered: Steered, monkeypatch: pytest.MonkeyPatch, next_verdict: str
) -> None:
    """What may not have arrived is sent again, once, under the same key; nothing else is sent twice."""
    killed_while_sending(steered, {SLACK_PATH, PAGERDUTY_PATH}, mail=True, monkeypatch=monkeypatch)
    first = steered.channels.news()
    assert first == [("slack", "CRITICAL"), ("pagerduty", "trigger drift as critical")]
    again = steered.sent(next_verdict)
    own = [("slack", "OK again"), ("email", "OK again"), ("pagerduty", "resolve drift")]
    assert sorted(again) == sorted([*DELAYED, *(own if next_verdict == "OK" else [])])
    assert len({event["dedup_key"] for event in steered.channels.server.pagerduty}) == 1
    assert {status for *_, status in logged(steered.folder / "reports")} == {"delivered"}
