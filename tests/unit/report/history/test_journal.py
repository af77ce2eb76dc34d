"""The journal of alerts and acknowledgements, which no report holds: they outlive a damaged history."""

from __future__ import annotations

import json
import os
import random
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drift_checks.report.history.acknowledged import Acknowledgements, kept_acknowledgements
from drift_checks.report.history.alert_log import Alert, AlertLog
from drift_checks.report.history.database import History
from drift_checks.report.history.journal import NAME as JOURNAL
from drift_checks.report.history.reading import NAME
from drift_checks.report.verdict import Verdict
from tests.support.histories import RUN, STORE, document, raw, run, set_aside, write
from tests.support.reports import known_criterion, known_record

NOW = datetime(2026, 1, 15, 2, tzinfo=UTC)
STRANGE = STORE._replace(db="/data/caf\udce9 \u202e\n.db")
RECORD = known_record("007", 0, store=STRANGE, versions={"model_version": "gpt-4"})
CRITERION = known_criterion("class_mix", Verdict.WARNING, 0, store=STRANGE)
ALERT = Alert(
    channel="pagerduty",
    incident="drift",
    store=STRANGE,
    run_id=RUN,
    kind="worse",
    verdict=Verdict.CRITICAL,
    state=Verdict.CRITICAL,
    created=NOW,
    message={"text": "quotes a record"},
)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Reports with a run, an open incident and two acknowledgements, one of them withdrawn."""
    write(tmp_path, document())
    with History(tmp_path) as history:
        history.add(run())
        log, kept = AlertLog(history), Acknowledgements(history)
        (alert,) = log.queue([ALERT])
        log.delivered(alert, NOW)
        kept.add(RECORD)
        kept.withdraw(kept.add(CRITERION)[0], NOW)
    return tmp_path


def state(history: History) -> Any:
    """Return the alerts and acknowledgements of a history."""
    return AlertLog(history).believed(STRANGE, "pagerduty", "drift"), kept_acknowledgements(history)


def lines(reports: Path) -> list[dict[str, Any]]:
    """Return the journal's lines."""
    return [json.loads(line) for line in (reports / JOURNAL).read_text(encoding="utf-8").splitlines()]


def truncated(file: Path) -> None:
    """Cut a file in the middle."""
    os.truncate(file, file.stat().st_size // 2)


def garbled(file: Path) -> None:
    """Overwrite a file with random bytes."""
    file.write_bytes(random.Random(3).randbytes(file.stat().st_size))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": truncated,
    "emptied": lambda file: os.truncate(file, 0),
    "garbled": garbled,
    "deleted": Path.unlink,
}


@pytest.mark.parametrize("name", [NAME, JOURNAL])
@pytest.mark.parametrize("damage", DAMAGES)
def test_one_damaged_file_loses_nothing(reports: Path, name: str, damage: str) -> None:
    """Neither the history nor the journal; and the next damage finds both whole again."""
    with History(reports) as history:
        before = state(history)
    for damaged in (name, NAME, JOURNAL, NAME):
        DAMAGES[damage](reports / damaged)
        with History(reports) as history:
            history.take_up_missing()
            assert state(history) == before
            assert [item.run_id for item in history.runs()] == [RUN]
            assert len(history.warnings) == (damaged == NAME)
    assert len(set_aside(reports)) == (3 if name == NAME else 2) * (damage in ("truncated", "garbled"))


@pytest.mark.slow
def test_garbage_anywhere_in_the_history_loses_nothing(reports: Path) -> None:
    """Damage that cannot be seen in the pages of the file is seen in its rows."""
    whole, chance = (reports / NAME).read_bytes(), random.Random(7)
    with History(reports) as history:
        before = state(history)
    for number in range(200):
        # Half of it in the header, except for the byte that only says that the history is newer.
        place = chance.randrange(64, len(whole) - 64) if number % 2 else chance.randrange(40)
        size = min(64, 60 - place) if place < 60 else 64
        (reports / NAME).write_bytes(whole[:place] + chance.randbytes(size) + whole[place + size :])
        with History(reports) as history:
            history.take_up_missing()
            assert (state(history), [item.run_id for item in history.runs()]) == (before, [RUN])


RESTORED = "1 alert and 2 acknowledgements are restored from history.journal.jsonl"
NOTHING_RESTORED = "no alerts and acknowledgements are restored: history.journal.jsonl"
WARNINGS = {
    ("garbled", "sound"): f"are kept; {RESTORED}.",
    ("deleted", "sound"): f"history.sqlite3: was missing; {RESTORED}.",
    (
        "garbled",
        "truncated",
    ): "0 alerts and 1 acknowledgement are restored from history.journal.jsonl, which has 1 damaged line.",
    ("garbled", "deleted"): f"{NOTHING_RESTORED} holds none.",
    ("garbled", "emptied"): f"{NOTHING_RESTORED} holds none.",
    ("garbled", "garbled"): f"{NOTHING_RESTORED} has ",
}


@pytest.mark.parametrize(("history_is", "journal_is"), WARNINGS)
def test_the_warning_says_what_happened(reports: Path, history_is: str, journal_is: str) -> None:
    """What of the history was restored, and what is lost."""
    DAMAGES[history_is](reports / NAME)
    if journal_is != "sound":
        DAMAGES[journal_is](reports / JOURNAL)
    with History(reports) as history:
        (warning,) = history.warnings
    assert WARNINGS[history_is, journal_is] in warning


def test_a_new_folder_has_no_journal(tmp_path: Path) -> None:
    """Nor is there anything to say."""
    with History(tmp_path) as history:
        history.add(run())
        assert history.warnings == []
    assert not (tmp_path / JOURNAL).exists()


def test_each_change_is_in_the_journal_at_once(reports: Path) -> None:
    """The process may be killed at any time."""
    with History(reports) as history:
        kept = Acknowledgements(history)
        number, _ = kept.add(replace(RECORD, record_id=12))
        assert lines(reports)[-1]["row"]["record_id"] == 12
        kept.end({number: "it was until then"}, RUN)
        assert lines(reports)[-1]["row"]["ended"] == "it was until then"
        before = len(lines(reports))
        history.add(run(agreed=40))
        assert len(lines(reports)) == before


def test_a_change_that_fails_is_not_in_the_journal(reports: Path) -> None:
    """Nor is it in the history."""
    before = (reports / JOURNAL).read_bytes()
    with History(reports) as history:
        with suppress(ZeroDivisionError), history.changing() as connection:
            assert connection is not None
            connection.execute("UPDATE alerts SET attempts = 9")
            raise ZeroDivisionError
        Acknowledgements(history).withdraw(99, NOW)
        assert (reports / JOURNAL).read_bytes() == before


def test_what_was_sent_does_not_stay_in_the_journal(reports: Path) -> None:
    """A message may quote a record: once it is settled, it is in neither file."""
    with History(reports) as history:
        log = AlertLog(history)
        (alert,) = log.queue([replace(ALERT, message={"text": "another quote"})])
        assert "another quote" in (reports / JOURNAL).read_text(encoding="utf-8")
        log.delivered(alert, NOW)
    assert "quote" not in (reports / JOURNAL).read_text(encoding="utf-8")
    assert [(item["table"], item["number"]) for item in lines(reports)] == [
        *(("acknowledgements", number) for number in (1, 2)),
        *(("alerts", number) for number in (1, 2)),
    ]


def test_a_torn_last_line_is_ignored_and_swallows_nothing(reports: Path) -> None:
    """As after a power cut or on a full disk."""
    with History(reports) as history:
        with (reports / JOURNAL).open("a", encoding="utf-8") as file:
            file.write('{"table": "alerts", "num')
        Acknowledgements(history).add(replace(RECORD, record_id=12))
        before = state(history)
        garbled(reports / NAME)
        with History(reports) as restored:
            assert state(restored) == before


def test_a_change_behind_the_journals_back_is_taken_over(reports: Path) -> None:
    """As by a restored backup: a sound history is right."""
    raw(reports, "UPDATE acknowledgements SET reason = 'changed by hand'")
    with History(reports):
        pass
    (reports / NAME).unlink()
    with History(reports) as history:
        assert {item.acknowledgement.reason for item in kept_acknowledgements(history)} == {"changed by hand"}


def test_a_row_that_does_not_fit_is_ignored(reports: Path) -> None:
    """As one of a newer version may; a column that is unknown here is left out."""
    with History(reports) as history, history.changing() as connection:
        assert connection is not None
        connection.execute("ALTER TABLE alerts ADD COLUMN later TEXT")
        connection.execute("UPDATE alerts SET later = 'x'")
        connection.execute("ALTER TABLE acknowledgements RENAME COLUMN reason TO later")
        connection.execute("UPDATE acknowledgements SET later = 'y'")
    (reports / NAME).unlink()
    with History(reports) as history:
        belief, acknowledgements = state(history)
        assert (belief.state, acknowledgements) == (Verdict.CRITICAL, [])


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_journal_is_for_owner_and_group(reports: Path, umask: int) -> None:
    """Whatever the umask."""
    (reports / JOURNAL).unlink()
    before = os.umask(umask)
    try:
        with History(reports):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((reports / JOURNAL).stat().st_mode) == 0o640


def test_a_journal_that_cannot_be_written_is_one_warning(reports: Path) -> None:
    """The history goes on without it."""
    (reports / JOURNAL).unlink()
    (reports / JOURNAL).mkdir()
    with History(reports) as history:
        kept = Acknowledgements(history)
        kept.add(replace(RECORD, record_id=12))
        kept.add(replace(RECORD, record_id=13))
        (warning,) = history.warnings
        assert len(kept_acknowledgements(history)) == 4
    assert warning.startswith(f"{reports / JOURNAL}: cannot be written (Is a directory); until it can")
