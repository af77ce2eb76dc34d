"""Compacting databases."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from drift_checks.commands import run_command
from drift_checks.operations.backup import vacuum as vacuuming
from drift_checks.report.folder import ReportsFolder
from drift_checks.report.history.database import History
from tests.support.folders import contents
from tests.support.histories import run
from tests.support.processes import OtherProcess
from tests.support.stores import BuiltStore


def vacuum(folder: Path, *arguments: str) -> int:
    """Run the command; return its exit code."""
    return run_command("vacuum", [f"--drift-reports={folder}", "--drift-naive-timezone=UTC", *arguments])


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Return a folder of reports with a history from which much was deleted."""
    folder = tmp_path / "reports"
    folder.mkdir()
    with History(folder) as history:
        history.add(run())
    with closing(sqlite3.connect(folder / "history.sqlite3")) as connection, connection:
        connection.execute("create table filler (text)")
        connection.executemany("insert into filler values (?)", [("x" * 900,)] * 1000)
        connection.execute("drop table filler")
    return folder


def emptied(store: BuiltStore, journal: str = "delete") -> None:
    """Leave much free space in the application's database."""
    store.execute(f"pragma journal_mode = {journal}")
    store.execute("create table filler (text)")
    store.execute("insert into filler select hex(zeroblob(4000)) from risk_classifications")
    store.execute("drop table filler")


def test_the_history_is_compacted(reports: Path, store: BuiltStore, capsys: pytest.CaptureFixture[str]) -> None:
    """Its runs stay, and so does the application's database; the sizes before and after are printed."""
    history = reports / "history.sqlite3"
    before = history.stat().st_size
    emptied(store)
    applications = contents(store.folder)
    assert vacuum(reports, f"--drift-db={store.db}") == 0
    assert contents(store.folder) == applications
    assert history.stat().st_size < before / 5
    printed = capsys.readouterr().out
    assert printed.startswith(f"{history}: was {before / 1e6:.1f} MB, ")
    assert f"{history.stat().st_size / 1e3:.0f} kB, " in printed
    assert f"{before / 5e5:.1f} MB" in printed
    with History(reports) as found:
        assert found.warnings == []
        assert [item.run_id for item in found.runs()] == [run().run_id]


def test_judgements_stay_as_they_are(reports: Path) -> None:
    """Only the history is rewritten."""
    file = reports / "judgements.jsonl"
    file.write_text("{}\n")
    assert vacuum(reports) == 0
    assert file.read_text() == "{}\n"


def test_a_dry_run_changes_nothing(reports: Path, store: BuiltStore, capsys: pytest.CaptureFixture[str]) -> None:
    """It works even during a run."""
    emptied(store, "wal")
    held = ReportsFolder(reports)
    before = contents(reports) | contents(store.folder)
    assert vacuum(reports, "--dry-run", "--application", f"--drift-db={store.db}") == 0
    assert contents(reports) | contents(store.folder) == before
    assert capsys.readouterr().out.count("would be ") == 2
    held.release()


def test_the_history_of_a_running_review_stays(reports: Path) -> None:
    """The command can be repeated when the review has ended."""
    held = ReportsFolder(reports)
    before = contents(reports)
    assert vacuum(reports) == 75
    assert contents(reports) == before
    held.release()


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_the_applications_database_is_compacted(reports: Path, store: BuiltStore, journal: str) -> None:
    """Rows, permissions and journal mode stay; nothing is left beside it."""
    emptied(store, journal)
    store.db.chmod(0o604)
    before, names = store.db.stat().st_size, sorted(path.name for path in store.folder.iterdir())
    assert vacuum(reports, "--application", f"--drift-db={store.db}") == 0
    assert store.db.stat().st_size < before * 0.8
    assert store.db.stat().st_mode & 0o777 == 0o604
    assert sorted(path.name for path in store.folder.iterdir()) == names
    with closing(sqlite3.connect(store.db)) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == (journal,)
        assert connection.execute("select count(*) from risk_classifications").fetchone() == (120,)


def test_an_open_database_in_wal_mode_is_compacted(reports: Path, store: BuiltStore) -> None:
    """The application's next query works."""
    emptied(store, "wal")
    before = store.db.stat().st_size
    with OtherProcess() as application:
        application.run(
            f"import sqlite3; c = sqlite3.connect({str(store.db)!r});"
            " c.execute('select count(*) from risk_classifications').fetchone()"
        )
        assert vacuum(reports, "--application", f"--drift-db={store.db}") == 0
        assert store.db.stat().st_size < before * 0.8
        application.run("answer = c.execute('select count(*) from risk_classifications').fetchone()[0]")


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_locked_database_is_left_alone(
    reports: Path, store: BuiltStore, journal: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command can be repeated when its writer has finished."""
    emptied(store, journal)
    monkeypatch.setattr(vacuuming.vacuum, "__defaults__", (0.1,))
    with OtherProcess() as application:
        application.run(f"import sqlite3; c = sqlite3.connect({str(store.db)!r}); c.execute('begin immediate')")
        assert vacuum(reports, "--application", f"--drift-db={store.db}") == 75
    message = capsys.readouterr().err
    assert f"{store.db}: is locked by another program" in message
    assert message.count("\n") == 1


def test_too_little_room_is_reported_first(
    reports: Path,
    store: BuiltStore,
    disk: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Beside the database, and in SQLite's temporary folder."""
    folder = disk(3_000_000)
    moved = Path(shutil.copy(store.db, folder / "risks.db"))
    before = contents(folder)
    assert vacuum(reports, "--application", f"--drift-db={moved}") == 4
    assert "are needed for the journal of risks.db in" in capsys.readouterr().err
    assert contents(folder) == before
    monkeypatch.setenv("SQLITE_TMPDIR", str(folder))
    assert vacuum(reports) == 4
    assert f"SQLite's compact copy of it in {folder}" in capsys.readouterr().err


def test_a_damaged_history_is_left_as_it_is(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The next run replaces it."""
    history = reports / "history.sqlite3"
    history.write_bytes(b"no database" * 1000)
    before = history.read_bytes()
    assert (vacuum(reports), vacuum(reports, "--dry-run")) == (4, 4)
    assert history.read_bytes() == before
    assert f"{history}: " in capsys.readouterr().err


def test_a_damaged_database_of_the_application_is_left_as_it_is(
    reports: Path, store: BuiltStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """Vacuuming would spread the damage."""
    with store.db.open("r+b") as file:
        file.seek(store.db.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 8192)
    before = store.db.read_bytes()
    assert vacuum(reports, "--application", f"--drift-db={store.db}") == 4
    assert store.db.read_bytes() == before
    message = capsys.readouterr().err
    assert f"{store.db}: is damaged (" in message
    assert "and was left as it is; " in message
    assert "from a backup" in message


def test_the_application_needs_a_store(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is changed before one is named; a history need not exist."""
    before = contents(reports)
    assert vacuum(reports, "--application") == 4
    assert "name it with --drift-db=FILE" in capsys.readouterr().err
    assert contents(reports) == before
    assert vacuum(reports / "none") == 0
    assert "no history yet" in capsys.readouterr().out
    assert not (reports / "none").exists()
