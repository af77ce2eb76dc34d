"""Histories of other versions, and those that are only read."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drift_checks.core.errors import ReportsError
from drift_checks.report.history import schema
from drift_checks.report.history.database import History
from drift_checks.report.history.reading import NAME, open_for_reading, read_history
from tests.support.histories import (
    NIGHTS,
    RUN,
    STORE,
    ids,
    raw,
    run,
    whole,
)


def test_an_older_history_is_migrated_with_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By statements and by functions, in order."""
    with History(tmp_path) as history:
        history.add(run())

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO later SELECT run_id, 'slack' FROM runs")

    further = (("CREATE TABLE later (run_id TEXT, channel TEXT)",), fill)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, *further))
    with History(tmp_path) as history:
        assert (history.runs(disagreements=True), history.warnings) == ([run()], [])
    assert raw(tmp_path, "SELECT * FROM later") == [(RUN, "slack")]
    assert raw(tmp_path, "PRAGMA user_version") == [(schema.newest_version(),)]


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither rows nor version nor a part of the new tables."""
    with History(tmp_path) as history:
        history.add(run())
    broken = ("CREATE TABLE later (run_id TEXT)", "DELETE FROM runs", "INSERT INTO nowhere VALUES (1)")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, broken))
        with pytest.raises(ReportsError, match="nowhere"):
            History(tmp_path)
    assert raw(tmp_path, "SELECT name FROM sqlite_master WHERE name = 'later'") == []
    assert whole(tmp_path) == {RUN: 5}


VERSION_1 = """
CREATE TABLE runs (run_id TEXT NOT NULL PRIMARY KEY, started TEXT, finished TEXT, duration_seconds REAL, verdict TEXT,
 exit_code INTEGER, demo INTEGER, db TEXT, table_name TEXT, collection TEXT, records INTEGER, vectors INTEGER,
 versions TEXT, sample_size INTEGER, seed TEXT, as_of TEXT, reviewer TEXT, model TEXT, prompt TEXT, decision TEXT,
 judge TEXT, agreed INTEGER, reviewed INTEGER, rate REAL, interval_lower REAL, interval_upper REAL,
 population_rate REAL, population_lower REAL, population_upper REAL, confidence_change REAL, calls INTEGER,
 input_tokens INTEGER, output_tokens INTEGER, cost REAL);
CREATE TABLE criteria (run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE, position INTEGER, name TEXT,
 verdict TEXT, passed INTEGER, failed INTEGER, unmeasured INTEGER, not_needed INTEGER, rate REAL, interval_lower REAL,
 interval_upper REAL, value REAL, warn REAL, critical REAL, message TEXT, PRIMARY KEY (run_id, name));
CREATE TABLE disagreements (run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE, position INTEGER,
 record_id, stratum TEXT, stored TEXT, reviewed TEXT, stored_confidence REAL, reviewed_confidence REAL,
 PRIMARY KEY (run_id, position));
INSERT INTO runs VALUES ('20260115T020000Z-abc123', '2026-01-15T02:00:00.000000Z', '2026-01-15T02:00:03.000000Z',
 3.0, 'OK', 0, 0, '/data/a.db', 'r', 'c', 1000, NULL,
 '{"model_version": "1"}', 50, '20260115', '2026-01-15T02:00:00Z', 'llm', 'm', 'p', 'point', 'sample',
 1, 2, 0.5, 0.25, 0.75, NULL, NULL, NULL, NULL, 2, NULL, NULL, NULL);
INSERT INTO criteria VALUES ('20260115T020000Z-abc123', 0, 'agreement', 'OK', 1, 1, 0, 0, 0.5, 0.25, 0.75, NULL, 0.85,
 0.75, '1 of 2 agree');
INSERT INTO disagreements VALUES ('20260115T020000Z-abc123', 0, '007', 'old', 'a', 'b', 0.5, NULL);
PRAGMA user_version = 1;
"""


def test_a_history_of_the_first_version_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was written once; and after a migration."""
    connection = sqlite3.connect(tmp_path / NAME)
    connection.executescript(VERSION_1)
    connection.close()
    further = (*schema.MIGRATIONS, ("CREATE TABLE later (run_id TEXT)",))
    monkeypatch.setattr(schema, "MIGRATIONS", further)
    with History(tmp_path) as history:
        (found,) = history.runs(disagreements=True)
        assert history.warnings == []
    assert (found.started, found.seed) == (datetime(2026, 1, 15, 2, tzinfo=UTC), 20260115)
    assert (found.interval, found.versions) == ((0.25, 0.75), {"model_version": "1"})
    assert (found.criteria[0].rate, found.disagreements[0].record_id) == (0.5, "007")


def test_a_newer_history_is_left_alone(tmp_path: Path) -> None:
    """It is neither read nor written, and the user is told."""
    with History(tmp_path) as history:
        history.add(run())
    raw(tmp_path, "PRAGMA user_version = 99")
    before = (tmp_path / NAME).read_bytes()
    with History(tmp_path) as history:
        history.add(run(NIGHTS[0]))
        history.take_up_missing()
        history.prune(datetime(2030, 1, 1, tzinfo=UTC), "")
        assert (history.runs(), history.previous(STORE, "9"), history.stores()) == ([], None, [])
        assert "newer version" in history.warnings[0]
    assert (tmp_path / NAME).read_bytes() == before
    assert open_for_reading(tmp_path) is None


def test_reading_makes_nothing(tmp_path: Path) -> None:
    """Neither a folder nor a file."""
    assert open_for_reading(tmp_path / "missing") is None
    assert open_for_reading(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_reading_leaves_damage_as_it_is(tmp_path: Path) -> None:
    """The next run sets it aside; the reason can be told."""
    (tmp_path / NAME).write_bytes(b"this is no database" * 400)
    assert open_for_reading(tmp_path) is None
    with pytest.raises(ReportsError, match="file is not a database"):
        read_history(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


def test_an_older_history_is_read_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its version stays."""
    with History(tmp_path) as history:
        history.add(run())
    before = schema.newest_version()
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("CREATE TABLE later (a)",)))
    view = read_history(tmp_path)
    assert view is not None
    with view:
        assert view.runs(disagreements=True) == [run()]
    assert raw(tmp_path, "PRAGMA user_version") == [(before,)]


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    """The connection refuses it."""
    with History(tmp_path) as history:
        history.add(run())
    view = read_history(tmp_path)
    assert view is not None
    assert view._connection is not None
    with view, pytest.raises(sqlite3.OperationalError, match="readonly"):
        view._connection.execute("DELETE FROM runs")


def test_readers_read_while_a_run_has_the_history_open(tmp_path: Path) -> None:
    """As the workers do."""
    with History(tmp_path) as history:
        history.add(run())
        view = read_history(tmp_path)
        assert view is not None
        with view:
            assert ids(view) == [RUN]
            history.add(run(NIGHTS[0]))
            assert ids(view) == [NIGHTS[0], RUN]


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    """In a sentence, to readers and writers."""
    (tmp_path / NAME).mkdir()
    for opening in (History, read_history):
        with pytest.raises(ReportsError, match=str(tmp_path / NAME)):
            opening(tmp_path)
