"""Histories of other versions, and histories that are only read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drift_checks.commands import chosen
from drift_checks.core.errors import ReportsError
from drift_checks.report.history import schema
from drift_checks.report.history.acknowledged import kept_acknowledgements
from drift_checks.report.history.alert_log import undelivered_alerts
from drift_checks.report.history.database import History
from drift_checks.report.history.reading import NAME, HistoryView, open_for_reading, read_history
from tests.support.histories import NIGHTS, RUN, ids, raw, run, whole

VERSION_1 = """
CREATE TABLE runs (run_id TEXT NOT NULL PRIMARY KEY, started TEXT, finished TEXT, duration_seconds REAL, verdict TEXT,
 exit_code INTEGER, demo INTEGER, db TEXT, table_name TEXT, collection TEXT, records INTEGER, vectors INTEGER,
 versions TEXT, sample_size INTEGER, seed TEXT, as_of TEXT, reviewer TEXT, model TEXT, prompt TEXT, decision TEXT,
 judge TEXT, agreed INTEGER, reviewed INTEGER, rate REAL, interval_lower REAL, interval_upper REAL,
 population_rate REAL, population_lower REAL, population_upper REAL, confidence_change REAL, calls INTEGER,
 input_tokens INTEGER, output_tokens INTEGER, cost REAL);
CREATE INDEX runs_of_store ON runs (db, table_name, collection, run_id);
CREATE TABLE criteria (run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE, position INTEGER, name TEXT,
 verdict TEXT, passed INTEGER, failed INTEGER, unmeasured INTEGER, not_needed INTEGER, rate REAL, interval_lower REAL,
 interval_upper REAL, value REAL, warn REAL, critical REAL, message TEXT, PRIMARY KEY (run_id, name));
CREATE TABLE disagreements (run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE, position INTEGER,
 record_id, stratum TEXT, stored TEXT, reviewed TEXT, stored_confidence REAL, reviewed_confidence REAL,
 PRIMARY KEY (run_id, position));
INSERT INTO runs VALUES ('20260115T020000Z-abc123', '2026-01-15T02:00:00.000000Z', '2026-01-15T02:00:03.000000Z',
 3.0, 'OK', 0, 0, X'2f646174612f61edb3bf2e6462', 'r', 'c', 1000, NULL,
 '{"model_version": "1"}', 50, '20260115', '2026-01-15T02:00:00Z', 'llm', 'm', 'p', 'point', 'population',
 1, 2, 0.5, 0.25, 0.75, 0.9, 0.8, 0.95, -0.02, 2, 10, 20, 0.5);
INSERT INTO criteria VALUES
 ('20260115T020000Z-abc123', 1, 'class_mix', NULL, 0, 0, 1, 0, NULL, NULL, NULL, NULL, 0.1, NULL, 'not measured'),
 ('20260115T020000Z-abc123', 0, 'agreement', 'OK', 1, 1, 0, 0, 0.5, 0.25, 0.75, NULL, 0.85, 0.75, '1 of 2 agree');
INSERT INTO disagreements VALUES ('20260115T020000Z-abc123', 0, '007', 'old', 'a', 'b', 0.5, NULL);
PRAGMA user_version = 1;
"""
VERSION_2 = """
CREATE TABLE alerts (number INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT, incident TEXT, db TEXT, table_name TEXT,
 collection TEXT, run_id TEXT, kind TEXT, verdict TEXT, state TEXT, created TEXT, message TEXT, status TEXT,
 attempts INTEGER, error TEXT, settled TEXT);
CREATE TABLE acknowledgements (number INTEGER PRIMARY KEY AUTOINCREMENT, db TEXT, table_name TEXT, collection TEXT,
 record_id, stored TEXT, reviewed TEXT, criterion TEXT, verdict TEXT, until TEXT, reason TEXT, made TEXT, versions TEXT,
 ended TEXT, ended_told TEXT, withdrawn TEXT);
INSERT INTO alerts VALUES (3, 'pagerduty', 'drift', '/data/a.db', 'r', 'c', '20260115T020000Z-abc123', 'worse',
 'CRITICAL', 'CRITICAL', '2026-01-15T02:00:03.000000Z', '{}', 'waiting', 1, NULL, NULL);
INSERT INTO acknowledgements VALUES (5, '/data/a.db', 'r', 'c', '007', 'a', 'b', NULL, NULL,
 '2027-01-15T00:00:00.000000Z', 'why', '2026-01-15T03:00:00.000000Z', '{}', NULL, NULL, NULL);
PRAGMA user_version = 2;
"""


@pytest.fixture(params=[1, 2])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A history of an older version, as it was written then."""
    connection = sqlite3.connect(tmp_path / NAME)
    connection.executescript(VERSION_1 + (VERSION_2 if request.param == 2 else ""))
    connection.close()
    yield tmp_path
    # The runs of both versions are alike.
    assert raw(tmp_path, "SELECT run_id FROM runs") == [(RUN,)]


def check_older(history: HistoryView, number: int) -> None:
    """Check that a history has everything that the older one held."""
    (found,) = history.runs()
    assert (found.run_id, found.started) == (RUN, datetime(2026, 1, 15, 2, tzinfo=UTC))
    assert (found.finished, found.duration_seconds) == (datetime(2026, 1, 15, 2, 0, 3, tzinfo=UTC), 3.0)
    assert (found.verdict, found.exit_code, found.demo, found.decision) == ("OK", 0, False, "point")
    store, sample, reviewer, agreement = found.store, found.sample, found.reviewer, found.agreement
    assert (*store.identity, store.records, store.vectors) == ("/data/a\udcff.db", "r", "c", 1000, None)
    assert (store.versions, sample.size, sample.seed) == ({"model_version": "1"}, 50, 20260115)
    assert (sample.as_of, reviewer.name, reviewer.model, reviewer.prompt) == ("2026-01-15T02:00:00Z", "llm", "m", "p")
    assert (reviewer.calls, reviewer.input_tokens, reviewer.output_tokens, reviewer.cost) == (2, 10, 20, 0.5)
    assert (agreement.agreed, agreement.reviewed, agreement.rate, agreement.interval) == (1, 2, 0.5, (0.25, 0.75))
    assert agreement.population is not None
    assert (agreement.population.rate, agreement.population.interval) == (0.9, (0.8, 0.95))
    assert (agreement.confidence_change, found.judge) == (-0.02, "population")
    first, second = found.criteria
    assert (first.name, first.verdict, first.rate, first.interval) == ("agreement", "OK", 0.5, (0.25, 0.75))
    assert (first.warn, first.critical, first.message) == (0.85, 0.75, "1 of 2 agree")
    assert (second.name, second.verdict, second.unmeasured, second.rate) == ("class_mix", None, 1, None)
    assert [list(vars(item).values()) for item in found.disagreements] == [["007", "old", "a", "b", 0.5, None]]
    assert [item.acknowledgement.number for item in kept_acknowledgements(history)] == [5] * (number == 2)
    assert [*undelivered_alerts(history).values()] == [{"pagerduty": 1}] * (number == 2)


def test_an_older_history_is_migrated_and_loses_nothing(older: Path) -> None:
    """Once, by the first run that opens it."""
    (number,) = raw(older, "PRAGMA user_version")[0]
    for _ in range(2):
        with History(older) as history:
            assert history.warnings == []
            check_older(history, number)
    assert raw(older, "PRAGMA user_version") == [(schema.newest_version(),)]
    assert raw(older, "PRAGMA integrity_check") == [("ok",)]
    assert raw(older, "SELECT name FROM criteria ORDER BY position") == [("agreement",), ("class_mix",)]


def test_an_older_history_is_read_as_it_is(older: Path) -> None:
    """Reading migrates a copy in memory and leaves the file alone."""
    before = (older / NAME).read_bytes()
    view = read_history(older)
    assert view is not None
    with view:
        check_older(view, raw(older, "PRAGMA user_version")[0][0])
    assert [(file.name, file.read_bytes()) for file in older.iterdir()] == [(NAME, before)]


def test_history_prints_the_same_after_the_migration(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In every format."""
    printed = []
    for _ in range(2):
        for form in ("table", "json", "csv"):
            called = chosen(["history", "--reports", str(older), "--format", form])
            assert called is not None
            assert called() == 0
        printed.append(capsys.readouterr().out)
        with History(older):
            pass
    assert printed[0] == printed[1]
    assert "90 % (80–95 %)" in printed[0]


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither rows nor the version nor the tables."""
    with History(tmp_path) as history:
        history.add(run())
    broken = ("CREATE TABLE later (run_id TEXT)", "DELETE FROM runs", "INSERT INTO nowhere VALUES (1)")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, broken))
        with pytest.raises(ReportsError, match="nowhere"):
            History(tmp_path)
    assert raw(tmp_path, "SELECT name FROM sqlite_master WHERE name = 'later'") == []
    assert whole(tmp_path) == {RUN: 5}


def test_a_newer_history_is_left_alone(tmp_path: Path) -> None:
    """It is neither read nor written, with a warning."""
    with History(tmp_path) as history:
        history.add(run())
    raw(tmp_path, "PRAGMA user_version = 99")
    before = (tmp_path / NAME).read_bytes()
    with History(tmp_path) as history:
        history.add(run(NIGHTS[0]))
        history.take_up_missing()
        history.prune(datetime(2030, 1, 1, tzinfo=UTC), "")
        assert (history.runs(), history.stores()) == ([], [])
        assert "newer version" in history.warnings[0]
    assert (tmp_path / NAME).read_bytes() == before
    assert open_for_reading(tmp_path) is None


def test_criteria_can_be_queried_in_sql(tmp_path: Path) -> None:
    """For whoever looks into the file: a row a run and criterion."""
    with History(tmp_path) as history:
        history.add(run())
    found = raw(tmp_path, "SELECT run_id, name, verdict, passed, failed FROM criteria ORDER BY position")
    assert found == [(RUN, "agreement", "OK", 45, 5), (RUN, "record_integrity", None, 0, 0)]
    (text,) = raw(tmp_path, "SELECT document FROM runs")[0]
    assert json.loads(text)["agreement"]["agreed"] == 45


def test_reading_creates_and_changes_nothing(tmp_path: Path) -> None:
    """Neither a folder nor a file; damage stays until the next run sets it aside."""
    assert open_for_reading(tmp_path / "missing") is None
    assert open_for_reading(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / NAME).write_bytes(b"this is no database" * 400)
    assert open_for_reading(tmp_path) is None
    with pytest.raises(ReportsError, match="file is not a database"):
        read_history(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


def test_a_reader_cannot_write_but_sees_what_a_run_adds(tmp_path: Path) -> None:
    """As the workers do while the run has the history open."""
    with History(tmp_path) as history:
        history.add(run())
        view = read_history(tmp_path)
        assert view is not None
        with view:
            assert ids(view) == [RUN]
            history.add(run(NIGHTS[0]))
            assert ids(view) == [NIGHTS[0], RUN]
            assert view._connection is not None
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                view._connection.execute("DELETE FROM runs")


def test_a_folder_in_its_place_is_reported(tmp_path: Path) -> None:
    """To readers and writers."""
    (tmp_path / NAME).mkdir()
    for opening in (History, read_history):
        with pytest.raises(ReportsError, match=str(tmp_path / NAME)):
            opening(tmp_path)
