"""What Slack, mail and PagerDuty are told of many runs in a row: changes, reminders and recoveries, each once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.alert_runs import Channels, Steered, channels, earlier
from tests.support.mails import part
from tests.support.session_runs import Run
from tests.support.stores import BuiltStore

NIGHTS = (
    "OK",
    "WARNING",
    "WARNING",
    "CRITICAL",
    "CRITICAL",
    "INCONCLUSIVE",
    "CRITICAL",
    "OK",
    "OK",
    "CRITICAL",
)
# None of the CRITICAL ones is certain by itself.
TOLD = [
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
    """Runs in a row, and what was told of each."""

    runs: list[Run]
    told: list[tuple[int, str, str]]
    channels: Channels

    def opened(self) -> list[dict[str, Any]]:
        """Return the events that opened incidents, in order."""
        return [event for event in self.channels.server.pagerduty if event["event_action"] == "trigger"]


@pytest.fixture(scope="module")
def nights(_store_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """Ten runs of one store, with all channels healthy."""
    folder = tmp_path_factory.mktemp("nights")
    with channels(folder / "mail") as healthy:
        steered, runs, told = Steered(folder / "run", _store_once, healthy), [], []
        for number, verdict in enumerate(NIGHTS, 1):
            runs.append(steered.run(verdict))
            told += [(number, channel, what) for channel, what in healthy.news()]
        yield Nights(runs, told, healthy)


@pytest.fixture
def steered(_store_once: BuiltStore, tmp_path: Path) -> Iterator[Steered]:
    """What runs reviews with a chosen verdict, and all channels healthy."""
    with channels(tmp_path / "mail") as healthy:
        yield Steered(tmp_path / "run", _store_once, healthy)


@pytest.mark.slow
def test_changes_are_told_once(nights: Nights) -> None:
    """People hear of each change and of the end; only the second CRITICAL running pages, an outage for itself."""
    assert [run.drift["verdict"] for run in nights.runs] == list(NIGHTS)
    assert nights.told == TOLD


@pytest.mark.slow
def test_messages_keep_to_the_rules_of_their_services(nights: Nights) -> None:
    """Those that Slack and PagerDuty document; a mail's bytes pass any server."""
    assert (nights.channels.server.violations, nights.channels.mail.eight_bit) == ([], False)


@pytest.mark.slow
def test_alerts_change_no_exit_code(nights: Nights) -> None:
    """It is the verdict's."""
    codes = {"OK": 0, "WARNING": 0, "CRITICAL": 1, "INCONCLUSIVE": 75}
    assert [run.exit_code for run in nights.runs] == [codes[verdict] for verdict in NIGHTS]


@pytest.mark.slow
def test_incident_keeps_its_key(nights: Nights) -> None:
    """What resolves it bears the key of what opened it; an outage has one of its own."""
    drift, unavailable = (event["dedup_key"] for event in nights.opened())
    resolved = [event for event in nights.channels.server.pagerduty if event["event_action"] == "resolve"]
    assert drift != unavailable
    assert [event["dedup_key"] for event in resolved][-2:] == [unavailable, drift]


@pytest.mark.slow
def test_outage_is_an_event_of_its_own_class(nights: Nights) -> None:
    """It is no drift, and less than critical."""
    payloads = [event["payload"] for event in nights.opened()]
    assert [(item["class"], item["severity"]) for item in payloads] == [
        ("drift", "critical"),
        ("review_unavailable", "warning"),
    ]


@pytest.mark.slow
def test_report_tells_what_became_of_alerts(nights: Nights) -> None:
    """Of each run, the channels in report.json are those that were told."""
    noted = [
        (number, alert["channel"], alert["delivered"])
        for number, run in enumerate(nights.runs, 1)
        for alert in run.drift["alerts"]
    ]
    assert sorted(noted) == sorted((number, channel, True) for number, channel, _ in nights.told)


@pytest.mark.slow
def test_summary_tells_what_came_back(nights: Nights) -> None:
    """A line a channel, and none where nothing was to be told."""
    said = [line for line in nights.runs[4].out.splitlines() if line.startswith("alerts")]
    assert (said, "\nalerts" in nights.runs[2].out) == (["alerts      pagerduty: change, 202 success"], False)


@pytest.mark.slow
def test_message_names_the_run_and_how_to_repeat_it(nights: Nights) -> None:
    """On Slack, in both parts of the mail and in the event."""
    run, mail = nights.runs[5], nights.channels.mail.mails[2]
    texts = [str(nights.channels.server.slack[2]), part(mail, "plain"), part(mail, "html"), str(nights.opened()[1])]
    assert [(run.folder.name in text, "mine:steered" in text) for text in texts] == [(True, True)] * 4


@pytest.mark.slow
def test_mails_are_one_thread_for_all_recipients(nights: Nights) -> None:
    """Each has its own id, and hangs together with the others of the store."""
    mails = nights.channels.mail.mails
    assert {str(mail["References"]) for mail in mails} == {str(mails[0]["In-Reply-To"])}
    assert len({str(mail["Message-ID"]) for mail in mails}) == len(mails)
    assert set(nights.channels.mail.recipients) == {("ann@example.com", "bob@example.com")}


@pytest.mark.slow
def test_unconfirmed_critical_is_said_to_be_so(nights: Nights) -> None:
    """The first one may be chance."""
    mails = [part(mail, "plain").replace("\n", " ") for mail in nights.channels.mail.mails]
    assert ["may be chance" in text for text in mails] == [False, True, False, False, False, True]


def test_unchanged_verdict_is_repeated_after_a_while(steered: Steered) -> None:
    """Nothing before the hours are over, everybody after that, and then nothing again."""
    steered.run("CERTAIN")
    steered.channels.news()
    assert steered.told("CERTAIN") == []
    earlier(steered.folder / "reports", 21)
    still = [("slack", "Still CRITICAL"), ("email", "Still CRITICAL"), ("pagerduty", "trigger drift as critical")]
    assert (steered.told("CERTAIN"), steered.told("CERTAIN")) == (still, [])
    assert len({event["dedup_key"] for event in steered.channels.server.pagerduty}) == 1


def test_hours_to_the_reminder_are_a_setting(steered: Steered) -> None:
    """A thirtieth of a second is over with the next run."""
    often = "--drift-realert-hours=0.00001"
    assert steered.told("WARNING", often) == [("slack", "WARNING"), ("email", "WARNING")]
    assert steered.told("WARNING", often) == [("slack", "Still WARNING"), ("email", "Still WARNING")]
    assert steered.told("OK", often) == [("slack", "OK again"), ("email", "OK again")]


def test_stores_have_incidents_of_their_own(steered: Steered, store: BuiltStore) -> None:
    """What is told of one store says nothing of another in the same folder of reports."""
    other = Steered(steered.folder, store, steered.channels)
    told = [steered.told("CERTAIN"), other.told("CERTAIN"), steered.told("OK")]
    opened = [("slack", "CRITICAL"), ("email", "CRITICAL"), ("pagerduty", "trigger drift as critical")]
    resolved = [("slack", "OK again"), ("email", "OK again"), ("pagerduty", "resolve drift")]
    assert told == [opened, opened, resolved]
    keys = [event["dedup_key"] for event in steered.channels.server.pagerduty]
    assert (keys[0] == keys[2], keys[0] == keys[1]) == (True, False)
