"""Programs that are ended while channels do not answer: soon, and with the messages kept for the next run."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.alert_runs import Channels, Steered, channels, command, logged, surroundings
from tests.support.alert_server import PAGERDUTY_PATH, SLACK_PATH
from tests.support.stores import build_store

pytestmark = pytest.mark.server

ALL = {"slack", "pagerduty", "email"}
# A second or two, on a machine that may be busy; waiting for the channels would take half a minute.
SOON = 15.0


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[Channels]:
    """Channels that take a message and do not answer."""
    with channels(tmp_path / "mail") as found:
        found.server.hold.set()
        found.mail.hang = True
        yield found


def ended(holding: Channels, folder: Path, arguments: list[str]) -> tuple[int, float, str]:
    """Run a command, end it once all channels have a message; return the exit code, the seconds it took, and stderr."""
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env=surroundings(folder, holding.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not ({SLACK_PATH, PAGERDUTY_PATH} <= set(holding.server.heard) and holding.mail.held):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline, "nothing was sent"
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    _, shown = process.communicate(timeout=60)
    return process.returncode, time.monotonic() - began, shown


def test_a_review_is_ended(holding: Channels, tmp_path: Path) -> None:
    """Its verdict and its report are whole, and the next run sends what was kept."""
    store = build_store(tmp_path / "store")
    steered = Steered(tmp_path / "run", store, holding)
    arguments = steered.arguments("CERTAIN")
    code, seconds, shown = ended(holding, steered.folder, command("pytest", *arguments))
    assert (code, seconds < SOON) == (1, True), (code, seconds)
    assert all(f"{name}: the alert of" in shown for name in ALL)
    assert shown.count("the run was ended before an answer came; the next run tries again") == len(ALL)
    assert "Traceback" not in shown
    assert {status for *_, status in logged(steered.folder / "reports")} == {"waiting"}
    holding.server.hold.clear()
    holding.mail.hang = False
    holding.news()
    assert sorted(steered.sent("CERTAIN")) == [
        ("email", "delayed CRITICAL"),
        ("pagerduty", "trigger drift as critical"),
        ("slack", "delayed CRITICAL"),
    ]


def test_alert_failure_is_ended(holding: Channels, tmp_path: Path) -> None:
    """As by Ctrl-C, and the messages are kept."""
    run = command("drift_checks", "alert-failure", "--status=3", *holding.options)
    code, seconds, shown = ended(holding, tmp_path, run)
    assert (code, seconds < SOON, "Traceback" in shown) == (2, True, False)
    assert {status for *_, status in logged(tmp_path / "reports")} == {"waiting"}


def test_alert_test_is_ended(holding: Channels, tmp_path: Path) -> None:
    """As by Ctrl-C."""
    code, seconds, shown = ended(holding, tmp_path, command("drift_checks", "alert-test", *holding.options))
    assert (code, seconds < SOON, "Traceback" in shown) == (2, True, False)
