"""Who is told of which run: the settings that choose it, quiet and dry runs, parts of a review, and several workers."""

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
    """What runs reviews with a chosen verdict, and all channels healthy."""
    with channels(tmp_path / "mail") as healthy:
        yield Steered(tmp_path / "run", _store_once, healthy)


@pytest.mark.slow
def test_alert_on_chooses_verdicts_by_channel(steered: Steered) -> None:
    """Who hears of CRITICAL alone hears when it is over, also where it is a WARNING then."""
    steered.extra = ("--drift-alert-on=slack=CRITICAL,email=WARNING+CRITICAL", "--drift-alerts=slack,email")
    assert steered.told("WARNING") == [("email", "WARNING")]
    assert steered.told("CERTAIN") == [("slack", "CRITICAL"), ("email", "CRITICAL")]
    assert steered.told("INCONCLUSIVE") == []
    assert steered.told("WARNING") == [("slack", "No longer CRITICAL: WARNING"), ("email", "WARNING")]
    assert steered.told("OK") == [("email", "OK again")]


def test_severities_choose_what_is_paged(steered: Steered) -> None:
    """A WARNING pages where it has a severity, and becomes another one; an outage without any does not."""
    steered.extra = ("--drift-pagerduty-severities=WARNING=info,INCONCLUSIVE=off", "--drift-alerts=pagerduty")
    assert steered.told("WARNING") == [("pagerduty", "trigger drift as info")]
    assert steered.told("INCONCLUSIVE") == []
    assert steered.told("CERTAIN") == [("pagerduty", "resolve drift"), ("pagerduty", "trigger drift as critical")]
    assert steered.told("OK") == [("pagerduty", "resolve drift")]
    assert steered.channels.server.violations == []


def test_every_critical_pages_where_that_is_wanted(steered: Steered) -> None:
    """Also one that may be chance."""
    steered.extra = ("--drift-page-when=always",)
    assert steered.told("CRITICAL") == OPENED


def test_alerts_names_who_is_told(steered: Steered) -> None:
    """The other channels hear nothing, though their secrets are there."""
    assert steered.told("CERTAIN", "--drift-alerts=slack,pagerduty") == [OPENED[0], OPENED[2]]


def test_nobody_is_told_where_alerts_is_none(steered: Steered) -> None:
    """Nothing is sent and nothing noted, so that whoever is told later hears all of it."""
    found = steered.run("CERTAIN", "--drift-alerts=none")
    assert (steered.channels.news(), found.drift["alerts"], logged(found.reports)) == ([], [], [])
    assert [item for item in steered.told("CERTAIN") if "resolve" not in item[1]] == OPENED


PARTS: dict[str, tuple[str, ...]] = {
    "-k": ("-k", "test_agreement.py"),
    "records": ("--drift-records=4,8,12",),
}


@pytest.mark.parametrize("part", sorted(PARTS))
def test_part_of_a_review_tells_nobody(steered: Steered, part: str) -> None:
    """Nor does it deliver what waits."""
    steered.channels.mail.replies[:] = ["550 not today"]
    steered.run("WARNING", "--drift-alerts=email")
    found = steered.run("CERTAIN", *PARTS[part])
    assert (found.drift["verdict"], steered.channels.news()) == ("CRITICAL", [])
    assert logged(found.reports) == [("email", "change", "waiting")]


def test_review_that_stops_at_a_finding_tells_nobody(steered: Steered) -> None:
    """With -x it has seen a part of the records."""
    assert steered.told("CERTAIN", "-x") == []


@pytest.mark.slow
def test_demo_tells_nobody(steered: Steered) -> None:
    """Though its verdict is WARNING and the secrets are there."""
    found = run_here(
        steered.folder, "--drift-demo", *steered.channels.options, environment=steered.channels.environment
    )
    assert (found.drift["verdict"], steered.channels.news(), logged(found.reports)) == ("WARNING", [], [])


def test_dry_run_shows_and_sends_nothing(steered: Steered) -> None:
    """What would be sent is printed without its secrets; the next run tells all of it."""
    found = steered.run("CERTAIN", "--drift-alert-dry-run")
    assert [f"{name}: would send" in found.out for name, _ in OPENED] == [True] * 3
    assert ('"dedup_key"' in found.out, '"blocks"' in found.out, "Subject: CRITICAL" in found.out) == (True,) * 3
    environment = steered.channels.environment
    assert not any(secret in found.text for secret in environment.values())
    assert (steered.channels.server.attempts, steered.channels.mail.attempts) == ({}, 0)
    assert (steered.channels.news(), logged(found.reports)) == ([], [])
    assert [item for item in steered.told("CERTAIN") if "resolve" not in item[1]] == OPENED


def test_dry_run_says_where_nothing_is_due(steered: Steered) -> None:
    """In a line of the summary."""
    assert "nothing would be sent" in steered.run("OK", "--drift-alert-dry-run").out


def test_dry_run_leaves_what_waits(steered: Steered) -> None:
    """It goes on waiting for a run that sends."""
    steered.channels.mail.replies[:] = ["550 not today"]
    steered.run("WARNING", "--drift-alerts=email")
    steered.run("WARNING", "--drift-alerts=email", "--drift-alert-dry-run")
    assert (steered.channels.news(), logged(steered.folder / "reports")) == ([], [("email", "change", "waiting")])


@pytest.mark.parametrize("way", ["pytest", "module"])
def test_quiet_run_prints_nothing_when_all_is_well(steered: Steered, way: str) -> None:
    """On neither stream, though it left its report, so that cron mails nothing."""
    found = steered.process("OK", QUIET, way=way)
    assert (found.exit_code, found.out, found.err, len(found.written)) == (0, "", "", 1)


@pytest.mark.parametrize(
    ("verdict", "code", "way"), [("WARNING", 0, "pytest"), ("CRITICAL", 1, "module"), ("INCONCLUSIVE", 75, "module")]
)
def test_quiet_run_prints_its_summary_otherwise(steered: Steered, verdict: str, code: int, way: str) -> None:
    """The summary alone, from its title on, with what became of the alerts; nothing on the other stream."""
    found = steered.process(verdict, QUIET, way=way)
    first, *rest = [line for line in found.out.splitlines() if line]
    assert (found.exit_code, found.err, first.strip("= ")) == (code, "", "drift review")
    assert rest[0].startswith(f"{verdict} · ")
    assert ("slack: change, 200 ok" in found.out, "test session starts" in found.out) == (True, False)


def test_quiet_run_tells_of_alerts_that_did_not_arrive(steered: Steered) -> None:
    """That somebody has to look to, though all is well again."""
    steered.run("WARNING", "--drift-alerts=email")
    steered.channels.mail.replies[:] = ["550 not today"]
    found = steered.run("OK", QUIET, "--drift-alerts=email")
    assert (found.exit_code, "email: the alert of" in found.err) == (0, True)


def test_quiet_run_that_is_refused_says_why(steered: Steered) -> None:
    """A setting that cannot be is said whatever else is kept back."""
    found = steered.run("OK", QUIET, "--drift-alert-on=slack=SAD")
    assert (found.exit_code, "alert-on" in found.refusal) == (4, True)


@pytest.mark.slow
def test_workers_tell_each_message_once(steered: Steered) -> None:
    """Two of them: what waited before the run's own, and what they told is noted."""
    steered.channels.mail.replies[:] = ["550 not today"]
    steered.run("WARNING", "--drift-alerts=email")
    opened = [OPENED[0], ("email", "delayed WARNING"), *OPENED[1:]]
    assert steered.told("CERTAIN", "-n", "2") == opened
    assert steered.told("CERTAIN") == []


def test_store_is_left_as_it_is(steered: Steered) -> None:
    """Whatever is told of it."""
    before = contents(steered.store.folder)
    steered.run("CERTAIN")
    assert contents(steered.store.folder) == before
