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


def test_alert_on_chooses_verdicts_by_channel(steered: Steered) -> None:
    """For a channel of CRITICAL only, a WARNING is the recovery."""
    steered.extra = ("--drift-alert-on=slack=CRITICAL,email=WARNING+CRITICAL", "--drift-alerts=slack,email")
    assert steered.sent("WARNING") == [("email", "WARNING")]
    assert steered.sent("CERTAIN") == [("slack", "CRITICAL"), ("email", "CRITICAL")]
    assert steered.sent("WARNING") == [("slack", "No longer CRITICAL: WARNING"), ("email", "WARNING")]


def test_severities_choose_what_is_paged(steered: Steered) -> None:
    """A WARNING with a severity pages, as an incident of its own; an outage without any does not."""
    steered.extra = ("--drift-pagerduty-severities=WARNING=info,INCONCLUSIVE=off", "--drift-alerts=pagerduty")
    assert steered.sent("WARNING") == [("pagerduty", "trigger drift as info")]
    assert steered.sent("INCONCLUSIVE") == []
    assert steered.sent("CERTAIN") == [("pagerduty", "resolve drift"), ("pagerduty", "trigger drift as critical")]
    assert steered.channels.server.violations == []


def test_every_critical_may_page(steered: Steered) -> None:
    """With `page-when always`, also one that may be chance."""
    steered.extra = ("--drift-page-when=always",)
    assert steered.sent("CRITICAL") == OPENED


def test_alerts_names_the_channels(steered: Steered) -> None:
    """With none, nothing is sent or recorded, so that channels named later get everything."""
    found = steered.run("CERTAIN", "--drift-alerts=none")
    assert (steered.channels.news(), found.drift["alerts"], logged(found.reports)) == ([], [], [])
    events = steered.sent("CERTAIN", "--drift-alerts=slack,pagerduty")
    assert [item for item in events if "resolve" not in item[1]] == [OPENED[0], OPENED[2]]


PARTS: dict[str, tuple[str, ...]] = {"-k": ("-k", "test_agreement.py"), "records": ("--drift-records=4,8,12",)}


@pytest.mark.parametrize("part", sorted(PARTS))
def test_part_of_a_review_alerts_nobody(steered: Steered, part: str) -> None:
    """Nor does it deliver what waits."""
    steered.channels.mail.replies[:] = ["550 not today"]
    steered.run("WARNING", "--drift-alerts=email")
    found = steered.run("CERTAIN", *PARTS[part])
    assert (found.drift["verdict"], steered.channels.news()) == ("CRITICAL", [])
    assert logged(found.reports) == [("email", "change", "waiting")]


def test_review_that_stops_at_a_failure_alerts_nobody(steered: Steered) -> None:
    """With -x it has seen only some of the records."""
    assert steered.sent("CERTAIN", "-x") == []


@pytest.mark.slow
def test_demo_alerts_nobody(steered: Steered) -> None:
    """Although its verdict is WARNING and the secrets are set."""
    found = run_here(
        steered.folder, "--drift-demo", *steered.channels.options, environment=steered.channels.environment
    )
    assert (found.drift["verdict"], steered.channels.news(), logged(found.reports)) == ("WARNING", [], [])


def test_dry_run_shows_and_sends_nothing(steered: Steered) -> None:
    """What would be sent is printed without secrets; the next run sends it."""
    found = steered.run("CERTAIN", "--drift-alert-dry-run")
    assert [f"{name}: would send" in found.out for name, _ in OPENED] == [True] * 3
    assert ('"dedup_key"' in found.out, '"blocks"' in found.out, "Subject: CRITICAL" in found.out) == (True,) * 3
    environment = steered.channels.environment
    assert not any(secret in found.text for secret in environment.values())
    assert (steered.channels.server.attempts, steered.channels.mail.attempts) == ({}, 0)
    assert (steered.channels.news(), logged(found.reports)) == ([], [])
    assert [item for item in steered.sent("CERTAIN") if "resolve" not in item[1]] == OPENED


def test_dry_run_says_that_nothing_is_due(steered: Steered) -> None:
    """In a line of the summary."""
    assert "nothing would be sent" in steered.run("OK", "--drift-alert-dry-run").out


def test_dry_run_leaves_waiting_messages(steered: Steered) -> None:
    """They wait for a run that sends."""
    steered.channels.mail.replies[:] = ["550 not today"]
    steered.run("WARNING", "--drift-alerts=email")
    steered.run("WARNING", "--drift-alerts=email", "--drift-alert-dry-run")
    assert (steered.channels.news(), logged(steered.folder / "reports")) == ([], [("email", "change", "waiting")])


@pytest.mark.parametrize("way", ["pytest", "module"])
def test_quiet_run_prints_nothing_when_all_is_well(steered: Steered, way: str) -> None:
    """On neither stream, so that cron mails nothing; the report is written."""
    found = steered.process("OK", QUIET, way=way)
    assert (found.exit_code, found.out, found.err, len(found.written)) == (0, "", "", 1)


@pytest.mark.parametrize(
    ("verdict", "code", "way"), [("WARNING", 0, "pytest"), ("CRITICAL", 1, "module"), ("INCONCLUSIVE", 75, "module")]
)
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


def test_store_is_left_as_it_is(steered: Steered) -> None:
    """Whatever is sent about it."""
    before = contents(steered.store.folder)
    steered.run("CERTAIN")
    assert contents(steered.store.folder) == before
