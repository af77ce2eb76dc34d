"""What Slack, mail and PagerDuty get from many runs in a row: changes, reminders and recoveries, each once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.alert_runs import Channels, Steered, channels
from tests.support.mails import part
from tests.support.session_runs import Run
from tests.support.stores import BuiltStore

NIGHTS = ("OK", "WARNING", "WARNING", "CRITICAL", "CRITICAL", "INCONCLUSIVE", "CRITICAL", "OK", "OK", "CRITICAL")
# No CRITICAL is confirmed by itself.
SENT = [
    (2, "slack", "WARNING"),
    (2, "email", "WARNING"),
    (4, "slack", "CRITICAL"),
    (4, "email", "CRITICAL"),
    (5, "pagerduty", "trigger drift as critical"),
    (6, "slack", "INCONCLUSIVE"),
    (6, "email", "INCONCLUSIVE"),
    (6, "pagerduty", "trigger review_unavailable as warning"),
    (7, "slack", "CRITICAL"),
    (7, "email", "CRITICAL"),
    (7, "pagerduty", "resolve review_unavailable"),
    (8, "slack", "OK again"),
    (8, "email", "OK again"),
    (8, "pagerduty", "resolve drift"),
    (10, "slack", "CRITICAL"),
    (10, "email", "CRITICAL"),
]


@dataclass(frozen=True)
class Nights:
    """Runs in a row, and what each sent."""

    runs: list[Run]
    sent: list[tuple[int, str, str]]
    channels: Channels


@pytest.fixture(scope="module")
def nights(_store_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """Ten runs of one store, with all channels healthy."""
    folder = tmp_path_factory.mktemp("nights")
    with channels(folder / "mail") as healthy:
        steered, runs, sent = Steered(folder / "run", _store_once, healthy), [], []
        for number, verdict in enumerate(NIGHTS, 1):
            runs.append(steered.run(verdict))
            sent += [(number, channel, what) for channel, what in healthy.news()]
        yield Nights(runs, sent, healthy)


@pytest.mark.slow
def test_changes_are_sent_once(nights: Nights) -> None:
    """Only the second CRITICAL in a row pages, and an outage pages on its own; no alert changes an exit code."""
    assert [run.drift["verdict"] for run in nights.runs] == list(NIGHTS)
    assert nights.sent == SENT
    codes = {"OK": 0, "WARNING": 0, "CRITICAL": 1, "INCONCLUSIVE": 75}
    assert [run.exit_code for run in nights.runs] == [codes[verdict] for verdict in NIGHTS]
    assert (nights.channels.server.violations, nights.channels.mail.eight_bit) == ([], False)


@pytest.mark.slow
def test_each_run_reports_its_own_alerts(nights: Nights) -> None:
    """In report.json, and in the summary a line for each channel."""
    recorded = [
        (number, alert["channel"], alert["delivered"])
        for number, run in enumerate(nights.runs, 1)
        for alert in run.drift["alerts"]
    ]
    assert sorted(recorded) == sorted((number, channel, True) for number, channel, _ in nights.sent)
    lines = [line for line in nights.runs[4].out.splitlines() if line.startswith("alerts")]
    assert (lines, "\nalerts" in nights.runs[2].out) == (["alerts      pagerduty: change, 202 success"], False)


@pytest.mark.slow
def test_messages_name_their_run_and_how_to_repeat_it(nights: Nights) -> None:
    """The mails are one thread; the first CRITICAL may be chance, and says so."""
    mails = nights.channels.mail.mails
    texts = [str(nights.channels.server.slack[2]), *(part(mails[2], kind) for kind in ("plain", "html"))]
    assert [(nights.runs[5].folder.name in text, "mine:steered" in text) for text in texts] == [(True, True)] * 3
    assert {str(mail["References"]) for mail in mails} == {str(mails[0]["In-Reply-To"])}
    assert len({str(mail["Message-ID"]) for mail in mails}) == len(mails)
    unconfirmed = ["may be chance" in part(mail, "plain").replace("\n", " ") for mail in mails]
    assert unconfirmed == [False, True, False, False, False, True]


def test_hours_to_the_reminder_are_a_setting(store: BuiltStore, tmp_path: Path) -> None:
    """They are over before the next run."""
    often = "--drift-realert-hours=0.00001"
    with channels(tmp_path / "mail") as healthy:
        steered = Steered(tmp_path / "run", store, healthy)
        assert steered.sent("WARNING", often) == [("slack", "WARNING"), ("email", "WARNING")]
        assert steered.sent("WARNING", often) == [("slack", "Still WARNING"), ("email", "Still WARNING")]
        assert steered.sent("OK", often) == [("slack", "OK again"), ("email", "OK again")]
