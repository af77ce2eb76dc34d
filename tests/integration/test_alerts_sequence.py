"""What Slack, mail and PagerDuty get from many runs in a row: changes, reminders and recoveries, each once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.alert_runs import Channels, Steered, channels
from tests.support.mails import part
from tests.support.session_runs import Run
from tests.support.stores import BuiltStore

NIGHTS = ("WARNING", "CRITICAL", "CRITICAL", "INCONCLUSIVE", "OK", "OK")
# No CRITICAL is confirmed by itself.
SENT = [
    (1, "slack", "WARNING"),
    (1, "email", "WARNING"),
    (2, "slack", "CRITICAL"),
    (2, "email", "CRITICAL"),
    (3, "pagerduty", "trigger drift as critical"),
    (4, "slack", "INCONCLUSIVE"),
    (4, "email", "INCONCLUSIVE"),
    (4, "pagerduty", "trigger review_unavailable as warning"),
    (5, "slack", "OK again"),
    (5, "email", "OK again"),
    (5, "pagerduty", "resolve drift"),
    (5, "pagerduty", "resolve review_unavailable"),
]


@dataclass(frozen=True)
class Nights:
    """Runs in a row, and what each sent."""

    runs: list[Run]
    sent: list[tuple[int, str, str]]
    channels: Channels


@pytest.fixture(scope="module")
def nights(_store_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """Six runs of one store on different days, with all channels healthy."""
    folder = tmp_path_factory.mktemp("nights")
    with channels(folder / "mail") as healthy:
        steered, runs, sent = Steered(folder / "run", _store_once, healthy), [], []
        for number, verdict in enumerate(NIGHTS, 1):
            runs.append(steered.run(verdict, f"--drift-seed={number}"))
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
    lines = [line for line in nights.runs[2].out.splitlines() if line.startswith("alerts")]
    assert (lines, "\nalerts" in nights.runs[5].out) == (["alerts      pagerduty: change, 202 success"], False)


@pytest.mark.slow
def test_messages_name_their_run_and_how_to_repeat_it(nights: Nights) -> None:
    """The mails are one thread; the first CRITICAL may be chance, and says so."""
    mails = nights.channels.mail.mails
    texts = [str(nights.channels.server.slack[1]), *(part(mails[1], kind) for kind in ("plain", "html"))]
    assert [(nights.runs[1].folder.name in text, "mine:steered" in text) for text in texts] == [(True, True)] * 3
    assert {str(mail["References"]) for mail in mails} == {str(mails[0]["In-Reply-To"])}
    assert len({str(mail["Message-ID"]) for mail in mails}) == len(mails)
    unconfirmed = ["may be chance" in part(mail, "plain").replace("\n", " ") for mail in mails]
    assert unconfirmed == [False, True, False, False]
