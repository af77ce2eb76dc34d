"""Which runs alert whom: the settings, quiet and dry runs, parts of a review, and several workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.alert_runs import Steered, channels, logged
from tests.support.folders import contents
from tests.support.stores import BuiltStore
from tests.support.whole_runs import run_here

OPENED = [("slack", "CRITICAL"), ("email", "CRITICAL"), ("pagerduty", "trigger drift as critical")]
QUIET = "--drift-quiet"


@pytest.fixture
def steered(_store_once: BuiltStore, tmp_path: Path) -> Iterator[Steered]:
    """Reviews with a chosen verdict, and all channels healthy."""
    with channels(tmp_path / "mail") as healthy:
        yield Steered(tmp_path / "run", _store_once, healthy)


def test_alerts_names_the_channels(steered: Steered) -> None:
    """With none, nothing is sent or recorded, so that channels named later get everything; the store is unchanged."""
    before = contents(steered.store.folder)
    found = steered.run("CERTAIN", "--drift-alerts=none")
    assert (steered.channels.news(), found.drift["alerts"], logged(found.reports)) == ([], [], [])
    events = steered.sent("CERTAIN", "--drift-alerts=slack,pagerduty")
    assert [item for item in events if "resolve" not in item[1]] == [OPENED[0], OPENED[2]]
    assert contents(steered.store.folder) == before


def test_part_of_a_review_alerts_nobody(steered: Steered) -> None:
    """Nor does it deliver what waits; the next whole review does."""
    steered.channels.mail.replies[:] = ["550 not today"]
    steered.run("WARNING", "--drift-alerts=email")
    for part in (("-k", "test_agreement.py"), ("--drift-records=4,8,12",)):
        found = steered.run("CERTAIN", *part)
        assert (found.drift["verdict"], steered.channels.news()) == ("CRITICAL", [])
        assert logged(found.reports) == [("email", "change", "waiting")]
    assert ("email", "delayed WARNING") in steered.sent("CERTAIN", "-x")


@pytest.mark.slow
def test_demo_alerts_nobody(steered: Steered) -> None:
    """Although its verdict is WARNING and the secrets are set."""
    found = run_here(
        steered.folder, "--drift-demo", *steered.channels.options, environment=steered.channels.environment
    )
    assert (found.drift["verdict"], steered.channels.news(), logged(found.reports)) == ("WARNING", [], [])


def test_dry_run_shows_and_sends_nothing(steered: Steered) -> None:
    """What would be sent is printed without secrets, or that nothing is due; messages that wait go on waiting."""
    dry, mail = "--drift-alert-dry-run", steered.channels.mail
    assert "nothing would be sent" in steered.run("OK", dry).out
    mail.replies[:] = ["550 not today"]
    steered.run("WARNING", "--drift-alerts=email")
    attempts = mail.attempts
    found = steered.run("CERTAIN", dry)
    assert all(f"{name}: would send" in found.out for name, _ in OPENED)
    assert all(part in found.out for part in ('"dedup_key"', '"blocks"', "Subject: CRITICAL"))
    assert not any(secret in found.text for secret in steered.channels.environment.values())
    assert (steered.channels.server.attempts, mail.attempts) == ({}, attempts)
    assert (steered.channels.news(), logged(found.reports)) == ([], [("email", "change", "waiting")])


@pytest.mark.parametrize("way", ["pytest", "module"])
def test_quiet_run_prints_nothing_when_all_is_well(steered: Steered, way: str) -> None:
    """On neither stream, so that cron mails nothing; the report is written."""
    found = steered.process("OK", QUIET, way=way)
    assert (found.exit_code, found.out, found.err, len(found.written)) == (0, "", "", 1)


@pytest.mark.parametrize(("verdict", "code", "way"), [("WARNING", 0, "pytest"), ("INCONCLUSIVE", 75, "module")])
def test_quiet_run_prints_its_summary_otherwise(steered: Steered, verdict: str, code: int, way: str) -> None:
    """Only the summary, with the outcome of the alerts; nothing on the other stream."""
    found = steered.process(verdict, QUIET, way=way)
    first, *rest = [line for line in found.out.splitlines() if line]
    assert (found.exit_code, found.err, first.strip("= ")) == (code, "", "drift review")
    assert rest[0].startswith(f"{verdict} · ")
    assert ("slack: change, 200 ok" in found.out, "test session starts" in found.out) == (True, False)


def test_quiet_run_reports_undelivered_alerts(steered: Steered) -> None:
    """Although the verdict is OK."""
    steered.run("WARNING", "--drift-alerts=email")
    steered.channels.mail.replies[:] = ["550 not today"]
    found = steered.run("OK", QUIET, "--drift-alerts=email")
    assert (found.exit_code, "email: the alert of" in found.err) == (0, True)


def test_quiet_run_that_is_refused_says_why(steered: Steered) -> None:
    """An invalid setting is always reported."""
    found = steered.run("OK", QUIET, "--drift-alert-on=slack=SAD")
    assert (found.exit_code, "alert-on" in found.refusal) == (4, True)


@pytest.mark.slow
def test_workers_send_each_message_once(steered: Steered) -> None:
    """Two of them: waiting messages first, and all are recorded."""
    steered.channels.mail.replies[:] = ["550 not today"]
    steered.run("WARNING", "--drift-alerts=email")
    opened = [OPENED[0], ("email", "delayed WARNING"), *OPENED[1:]]
    assert steered.sent("CERTAIN", "-n", "2") == opened
    assert steered.sent("CERTAIN") == []
