"""A run told as a message."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drift_checks.alerts.composition import Occasion, compose, store_key, trial_message
from drift_checks.alerts.message import Incident, Kind, Message
from drift_checks.core.outcomes import Decision, Outcome, Result
from drift_checks.report.details import Details, Reasons
from drift_checks.report.history.recorded import StoreIdentity
from drift_checks.report.run import RunReport
from drift_checks.report.verdict import Verdict
from tests.support.pages import recorded
from tests.support.reports import AGREEMENT, LOW, report, reviewed

CHANGE = Occasion(Kind.CHANGE, Incident.DRIFT, Verdict.OK)
PAGE = Path("/reports/20260115T020000Z-abc123/index.html")
STORE = StoreIdentity("/data/a.db", "t", "c")


def told(made: RunReport, occasion: Occasion = CHANGE, url: str | None = None) -> Message:
    """Return the message on a run."""
    return compose(made, occasion, PAGE, url)


def differing(**confidences: tuple[float | None, float | None]) -> list[Outcome]:
    """Return disagreements of records with these names and confidences."""
    return [
        Outcome("agreement", Result.FAILED, "", key, LOW, Decision("fraud", stored, "loan", reviewed))
        for key, (stored, reviewed) in confidences.items()
    ]


@pytest.mark.parametrize(
    ("occasion", "made", "expected"),
    [
        (CHANGE, reviewed(25, 25), "CRITICAL · risk_classifications.db · 25 of 50 agree"),
        (Occasion(Kind.REMINDER, Incident.DRIFT, Verdict.CRITICAL), reviewed(25, 25), "Still CRITICAL · "),
        (Occasion(Kind.RECOVERY, Incident.DRIFT, Verdict.CRITICAL), reviewed(50, 0), "OK again · "),
        (Occasion(Kind.RECOVERY, Incident.DRIFT, Verdict.CRITICAL), reviewed(40, 10), "No longer CRITICAL: WARNING · "),
        (Occasion(Kind.ENDED, Incident.DRIFT, Verdict.OK), reviewed(50, 0), "Acknowledgement ended · OK · "),
    ],
)
def test_the_headline_has_verdict_and_store(occasion: Occasion, made: list[Outcome], expected: str) -> None:
    """And how it came about that it is told."""
    assert told(report(made), occasion).headline.startswith(expected)


def test_what_changed_since_the_last_run_is_told() -> None:
    """The verdict, agreement and the criteria."""
    before = recorded(report(reviewed(45, 5)))
    changes = told(replace(report(reviewed(25, 25)), past=(before,))).changes
    assert changes[:2] == ("verdict OK → CRITICAL", "agreement 90 % → 50 %")
    assert "newly failed: agreement" in changes


def test_the_worst_criteria_come_with_their_remedy() -> None:
    """Those that are OK are left out."""
    criterion = replace(AGREEMENT, remedy="Read the disagreements.")
    (line,) = told(report(reviewed(25, 25), criteria=[criterion])).criteria
    assert (line.name, line.verdict, line.remedy) == ("agreement", Verdict.CRITICAL, "Read the disagreements.")


def test_the_surest_of_those_who_differ_tell_the_most() -> None:
    """Five of them; the others are counted."""
    made = report(differing(a=(0.1, 0.2), b=(0.9, 0.9), c=(None, None), d=(0.5, 0.5), e=(0.3, None), f=(0.8, 0.7)))
    message = told(made)
    assert [item.record_id for item in message.disagreements] == ["b", "f", "d", "a", "e"]
    assert message.more_disagreements == 1


@pytest.mark.parametrize(("redacted", "expected"), [(False, "Pay here"), (True, None)])
def test_the_text_of_a_record_is_told_unless_it_is_withheld(redacted: bool, expected: str | None) -> None:
    """With `redact` there is none."""
    details: dict[int | str, Details] = {"a": Details("a", LOW, "Pay\nhere", Reasons(), Reasons())}
    made = replace(report(differing(a=(0.5, 0.5)), redacted=redacted), details=details)
    assert told(made).disagreements[0].text == expected


def test_a_long_text_is_cut() -> None:
    """It is in the report."""
    details: dict[int | str, Details] = {"a": Details("a", LOW, "x" * 100_000, Reasons(), Reasons())}
    text = told(replace(report(differing(a=(0.5, 0.5))), details=details)).disagreements[0].text
    assert text is not None
    assert len(text) == 300


def test_the_report_is_linked_where_it_is_published() -> None:
    """By the run's folder."""
    run = report(reviewed(45, 5))
    assert told(run, url="https://drift.example.com/reports").report_url == (
        f"https://drift.example.com/reports/{run.facts.run_id}/index.html"
    )
    assert told(run).report_url is None
    assert told(run).report == str(PAGE)


def test_a_store_has_the_same_key_every_night_and_another_than_others() -> None:
    """By its database, table and collection."""
    others = [STORE._replace(db="/data/b.db"), STORE._replace(table="u"), STORE._replace(collection="d")]
    assert len({store_key(store) for store in (STORE, *others)}) == 4
    assert store_key(STORE) == store_key(StoreIdentity(*STORE))


def test_a_path_that_is_no_text_has_a_key_and_can_be_told() -> None:
    """As a file's name may be."""
    run = report(reviewed(45, 5), db="/data/caf\udce9.db")
    assert json.loads(json.dumps(told(run).as_plain()).encode())["db"] == "/data/caf\\udce9.db"


def test_a_run_that_measured_nothing_can_be_told() -> None:
    """Rates are then unknown, never 0."""
    message = told(report(reviewed(0, 0, 50)), Occasion(Kind.CHANGE, Incident.DRIFT, None))
    assert (message.verdict, message.rate, message.interval) == (Verdict.INCONCLUSIVE, None, None)


@pytest.mark.parametrize("made", [reviewed(45, 5), reviewed(0, 0, 50), differing(a=(0.5, None))])
def test_a_message_comes_back_as_it_was_kept(made: Any) -> None:
    """By way of JSON."""
    message = told(report(made))
    assert Message.from_plain(json.loads(json.dumps(message.as_plain()))) == message


def test_a_trial_says_that_it_is_one() -> None:
    """In its headline, and by its kind."""
    message = trial_message(STORE, "2026-01-15T02:00:00Z", "https://drift.example.com")
    assert (message.kind, message.headline.partition(" ")[0]) == (Kind.TEST, "TEST")
