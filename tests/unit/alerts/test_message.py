"""What an alert says about a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from drift_checks.alerts.channels.pagerduty import triggering
from drift_checks.alerts.channels.slack import document
from drift_checks.alerts.channels.wording import notes
from drift_checks.alerts.message import Incident, Kind, Message, failure_message, run_message, store_key
from drift_checks.core.outcomes import Decision, Outcome, Result
from drift_checks.core.plain import from_plain, to_plain
from drift_checks.report.details import Details, Reasons
from drift_checks.report.history.recorded import OutsideFacts
from drift_checks.report.run import RunReport
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity
from tests.support.mails import composed
from tests.support.pages import recorded
from tests.support.reports import AGREEMENT, LOW, outcomes, report, reviewed

PAGE = Path("/reports/20260115T020000Z-abc123/index.html")
STORE = StoreIdentity("/data/a.db", "t", "c")
NOW = "2026-01-15T02:00:00Z"


def composed_of(run: RunReport, url: str | None = None) -> Message:
    """Return the message about a run."""
    return run_message(run, PAGE, url)


def differing(**confidences: tuple[float | None, float | None]) -> list[Outcome]:
    """Return disagreements of records with these names and confidences."""
    return [
        Outcome("agreement", Result.FAILED, "", key, LOW, Decision("fraud", stored, "loan", reviewed))
        for key, (stored, reviewed) in confidences.items()
    ]


@pytest.mark.parametrize(
    ("kind", "made", "expected"),
    [
        (Kind.CHANGE, reviewed(25, 25), "CRITICAL · risk_classifications.db · 25 of 50 agree"),
        (Kind.REMINDER, reviewed(25, 25), "Still CRITICAL · risk"),
        (Kind.RECOVERY, reviewed(50, 0), "OK again · risk"),
        (Kind.RECOVERY, reviewed(40, 10), "No longer CRITICAL: WARNING · risk"),
        (Kind.ENDED, reviewed(50, 0), "Acknowledgement ended · OK · risk"),
    ],
)
def test_the_headline_says_why_the_message_is_sent(kind: Kind, made: list[Outcome], expected: str) -> None:
    """Then verdict, store and reason."""
    message = composed_of(report(made)).sent_as(kind, Incident.DRIFT, Verdict.CRITICAL)
    assert message.headline.startswith(expected)
    assert (message.kind, message.before) == (kind, Verdict.CRITICAL)


DAMAGED_AND_DOWN = [
    *reviewed(10, 0, 40),
    *outcomes(Result.PASSED, 40, criterion="record_integrity"),
    *outcomes(Result.FAILED, 20, criterion="record_integrity"),
]


@pytest.mark.parametrize("channel", ["slack", "pagerduty", "email"])
def test_damage_is_the_reason_although_the_reviewer_is_down(channel: str) -> None:
    """The outage is named after it, and explained once."""
    message = composed_of(report(DAMAGED_AND_DOWN))
    headline = {
        "slack": lambda: document(message)["blocks"][0]["text"]["text"],
        "pagerduty": lambda: triggering(message, "critical")["payload"]["summary"],
        "email": lambda: composed(message)["Subject"],
    }[channel]()
    label, store, reason, *_ = headline.split(" · ")
    assert label.endswith("CRITICAL")
    assert (store, reason) == ("risk_classifications.db", "record_integrity: 20 of 60 are damaged, 33 %")
    assert headline.count("the reviewer is down") <= 1
    explained = {item.name: item.message for item in message.criteria}
    assert explained["agreement"].count("the reviewer is down") == 1


def test_answers_outside_the_categories_are_a_note() -> None:
    """A verdict may be only that of other names."""
    outside = OutsideFacts(answers=60, categories={"Fraud": 9}, similar={"Fraud": "fraud"})
    made = composed_of(report(reviewed(25, 25), reviewing={"outside": outside}))
    assert [note for note in notes(made) if note.startswith("9 of 60 answers are outside")]


def test_changes_since_the_last_run_are_listed() -> None:
    """The verdict, agreement and the criteria."""
    before = recorded(report(reviewed(45, 5)))
    changes = composed_of(replace(report(reviewed(25, 25)), past=(before,))).changes
    assert changes[:2] == ("verdict OK → CRITICAL", "agreement 90 % → 50 %")
    assert "newly failed: agreement" in changes


def test_the_worst_criteria_come_with_their_remedy() -> None:
    """Those that are OK are omitted."""
    criterion = replace(AGREEMENT, remedy="Read the disagreements.")
    (line,) = composed_of(report(reviewed(25, 25), criteria=[criterion])).criteria
    assert (line.name, line.verdict, line.remedy) == ("agreement", Verdict.CRITICAL, "Read the disagreements.")


def test_disagreements_of_high_confidence_come_first() -> None:
    """Five of them; the others are counted."""
    message = composed_of(
        report(differing(a=(0.1, 0.2), b=(0.9, 0.9), c=(None, None), d=(0.5, 0.5), e=(0.3, None), f=(0.8, 0.7)))
    )
    assert [item.record_id for item in message.disagreements] == ["b", "f", "d", "a", "e"]
    assert message.more_disagreements == 1


@pytest.mark.parametrize(
    ("text", "redacted", "expected"),
    [("Pay\nhere", False, "Pay here"), ("Pay\nhere", True, None), ("x" * 100_000, False, f"{'x' * 299}…")],
)
def test_a_records_text_is_cut_or_withheld(text: str, redacted: bool, expected: str | None) -> None:
    """The whole text is in the report; with `redact` there is none."""
    details: dict[int | str, Details] = {"a": Details("a", LOW, text, Reasons(), Reasons())}
    run = replace(report(differing(a=(0.5, 0.5)), redacted=redacted), details=details)
    assert composed_of(run).disagreements[0].text == expected


def test_a_published_report_is_linked() -> None:
    """By the run's folder."""
    run = report(reviewed(45, 5))
    assert composed_of(run, "https://drift.example.com/reports").report_url == (
        f"https://drift.example.com/reports/{run.facts.run_id}/index.html"
    )
    assert (composed_of(run).report_url, composed_of(run).report) == (None, str(PAGE))


def test_a_store_keeps_its_key_and_shares_it_with_no_other() -> None:
    """By its database, table and collection."""
    others = [STORE._replace(db="/data/b.db"), STORE._replace(table="u"), STORE._replace(collection="d")]
    assert len({store_key(store) for store in (STORE, *others)}) == 4
    assert store_key(STORE) == store_key(StoreIdentity(*STORE))


def test_a_rate_that_was_not_measured_is_none() -> None:
    """It is never 0."""
    message = composed_of(report(reviewed(0, 0, 50)))
    assert (message.verdict, message.rate, message.interval) == (Verdict.INCONCLUSIVE, None, None)


@pytest.mark.parametrize(
    "message",
    [
        composed_of(report(reviewed(45, 5), db="/data/caf\udce9.db")),
        composed_of(report(reviewed(0, 0, 50))),
        composed_of(report(differing(a=(0.5, None)))).sent_as(Kind.REMINDER, Incident.DRIFT, Verdict.CRITICAL),
        failure_message(STORE, NOW, "broke down", remedy="its log", repeat="again", report_url=None),
    ],
    ids=lambda message: message.headline[:20],
)
def test_plain_values_become_the_same_message(message: Message) -> None:
    """By way of JSON, also a path that is not Unicode."""
    assert message.db.encode()
    assert from_plain(Message, json.loads(json.dumps(to_plain(message)))) == message
