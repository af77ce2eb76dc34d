"""A backup put back."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from drift_checks.operations.backup import restoration
from drift_checks.report.folder import ReportsFolder
from drift_checks.report.history.database import History
from drift_checks.stores.chroma import VectorCollection
from tests.support.caring import archives, back_up, made_backup, manifest, restore
from tests.support.ended_runs import small_disk
from tests.support.folders import contents
from tests.support.histories import run
from tests.support.journals import write
from tests.support.processes import OtherProcess, run_unprivileged
from tests.support.stores import BuiltStore


def rows(path: Path) -> list[tuple[object, ...]]:
    """Return every row of the records."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("select * from risk_classifications order by id").fetchall()


def test_it_is_restored_elsewhere(archive: Path, store: BuiltStore, tmp_path: Path) -> None:
    """Row by row and entry by entry as it was; folders that are missing are made."""
    place = tmp_path / "new" / "place"
    assert restore(archive, "--to-db", place / "risks.db", "--to-chroma", place / "chroma") == 0
    assert rows(place / "risks.db") == rows(store.db)
    ids = [f"chroma-{number}" for number in range(1, 121)]
    both = []
    for folder in (store.chroma, place / "chroma"):
        opened = VectorCollection(folder, "risk_classifications", tmp_path / "snapshots")
        both.append(opened.entries(ids))
        opened.close()
    assert all((both[0][key].vector == both[1][key].vector).all() for key in ids)
    assert all(both[0][key].document == both[1][key].document for key in ids)
    assert sorted(path.name for path in place.iterdir()) == ["chroma", "risks.db"]


def test_one_of_the_two_alone_is_restored(archive: Path, tmp_path: Path) -> None:
    """The one that a place is named for."""
    assert restore(archive, "--to-db", tmp_path / "risks.db") == 0
    assert restore(archive, "--to-chroma", tmp_path / "chroma") == 0
    assert len(rows(tmp_path / "risks.db")) == 120
    assert not list((tmp_path / "chroma").glob("*.db"))


def test_what_is_there_is_not_overwritten(
    store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stays to the byte, and what to do is said."""
    archive = made_backup(store, tmp_path / "backups")
    before = contents(store.folder)
    assert restore(archive) == 4
    said = capsys.readouterr().err
    assert said.startswith(f"python -m drift_checks restore: {store.db}, ")
    assert f"{store.chroma}/chroma.sqlite3" in said
    assert "with --force" in said
    assert contents(store.folder) == before


@pytest.mark.parametrize("beside", ["-wal", "-shm", "-journal"])
def test_a_journal_that_was_left_is_in_the_way(archive: Path, tmp_path: Path, beside: str) -> None:
    """SQLite would play it into the restored file."""
    (tmp_path / f"risks.db{beside}").write_bytes(b"left")
    assert restore(archive, "--to-db", tmp_path / "risks.db") == 4
    assert restore(archive, "--to-db", tmp_path / "risks.db", "--force") == 0
    [aside] = tmp_path.glob(f"risks.db.before-restore-*Z{beside}")
    assert aside.read_bytes() == b"left"
    assert len(rows(tmp_path / "risks.db")) == 120


def test_by_force_what_is_there_is_moved_aside(
    store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its journals, so that it can still be opened; what is foreign stays where it is."""
    archive = made_backup(store, tmp_path / "backups")
    index = store.folder / "ef538636-cc49-4595-9b1c-d52938814d64"
    index.mkdir()
    (index / "header.bin").write_bytes(b"newer")
    (store.folder / "notes.txt").write_text("foreign")
    with closing(sqlite3.connect(store.db)) as connection, connection:
        connection.execute("delete from risk_classifications where id > 5")
    store.db.chmod(0o604)
    before = rows(store.db)
    capsys.readouterr()
    assert restore(archive, "--force") == 0
    said = capsys.readouterr().out
    assert len(rows(store.db)) == 120
    assert store.db.stat().st_mode & 0o777 == 0o604
    [aside] = store.folder.glob("risk_classifications.db.before-restore-*")
    assert rows(aside) == before
    assert f"{store.db} was moved to {aside}\n" in said
    [moved] = store.folder.glob("ef538636-*")
    assert moved.name.startswith(f"{index.name}.before-restore-")
    assert (store.folder / "notes.txt").read_text() == "foreign"
    assert not list(store.folder.glob(".drift-restore-*"))


def test_two_in_one_second_lose_nothing(store: BuiltStore, tmp_path: Path) -> None:
    """The second one finds another name."""
    archive = made_backup(store, tmp_path / "backups", chroma=False)
    for _ in range(3):
        assert restore(archive, "--force") == 0
    assert len(list(store.folder.glob("risk_classifications.db.before-restore-*"))) == 3


def test_a_rehearsal_writes_nothing(store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what would be written, moved and refused."""
    archive = made_backup(store, tmp_path / "backups")
    before = contents(tmp_path)
    capsys.readouterr()
    assert restore(archive, "--dry-run") == 0
    said = capsys.readouterr().out
    assert f"{store.db} would be restored: " in said
    assert f"{store.db} would be moved to {store.db}.before-restore-" in said
    assert "without --force this would be refused" in said
    assert contents(tmp_path) == before


def test_a_rehearsal_finds_damage(archive: Path, tmp_path: Path) -> None:
    """All of it is read."""
    whole = bytearray(archive.read_bytes())
    whole[len(whole) // 2] ^= 1
    archive.write_bytes(whole)
    assert restore(archive, "--to-db", tmp_path / "risks.db", "--dry-run") == 4


def test_a_store_in_use_is_not_replaced(store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The application would go on writing to what was moved aside."""
    archive = made_backup(store, tmp_path / "backups", chroma=False)
    with OtherProcess() as application:
        write(application, store.db, "select 1 from risk_classifications")
        assert restore(archive, "--force") == 75
        assert f"process {application.pid} has what is to be replaced open" in capsys.readouterr().err
    assert restore(archive, "--force") == 0


def test_a_renaming_that_fails_is_undone(
    store: BuiltStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All is as it was."""
    archive = made_backup(store, tmp_path / "backups")
    before = contents(store.folder)
    rename, renamed = Path.rename, []

    def failing(path: Path, target: Path) -> Path:
        renamed.append(path)
        if len(renamed) == 4:
            raise OSError(5, "Input/output error", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    assert restore(archive, "--force") == 4
    assert "and all is as it was" in capsys.readouterr().err
    assert contents(store.folder) == before


def test_too_little_room_is_told_before(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How much is needed, and how much there is."""
    with small_disk(tmp_path / "disk", 4_000_000) as may:
        if not may:
            pytest.skip("only root may mount a small disk")
        assert restore(archive, "--to-db", tmp_path / "disk" / "risks.db") == 4
        assert "are needed for risks.db in" in capsys.readouterr().err
        assert not list((tmp_path / "disk").iterdir())


def test_a_disk_that_fills_up_leaves_all_as_it_was(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody else was quicker."""
    monkeypatch.setattr(restoration, "refuse_without_room", list)
    with small_disk(tmp_path / "disk", 30_000) as may:
        if not may:
            pytest.skip("only root may mount a small disk")
        assert restore(archive, "--to-db", tmp_path / "disk" / "deep" / "risks.db") == 4
        assert "cannot be restored (No space left on device), and all is as it was" in capsys.readouterr().err
        assert not list((tmp_path / "disk").iterdir())


def test_the_history_is_restored_where_it_is_asked_for(store: BuiltStore, tmp_path: Path) -> None:
    """To the folder it came from, or another; not otherwise."""
    reports = store.folder / "reports"
    reports.mkdir()
    with History(reports) as history:
        history.add(run())
    archive = made_backup(store, tmp_path / "backups", chroma=False)
    assert manifest(archive)["counts"]["runs"] == 1
    assert restore(archive, "--to-db", tmp_path / "one.db") == 0
    (reports / "history.sqlite3").unlink()
    assert restore(archive, "--to-db", tmp_path / "two.db", "--history") == 0
    assert restore(archive, "--to-db", tmp_path / "three.db", "--history", tmp_path / "others") == 0
    for folder in (reports, tmp_path / "others"):
        with History(folder) as history:
            assert [found.run_id for found in history.runs()] == [run().run_id]


def test_the_history_of_a_running_review_stays(store: BuiltStore, tmp_path: Path) -> None:
    """Try again when it has ended."""
    reports = store.folder / "reports"
    reports.mkdir()
    with History(reports) as history:
        history.add(run())
    archive = made_backup(store, tmp_path / "backups", chroma=False)
    held = ReportsFolder(reports)
    before = contents(reports, without=".lock")
    assert restore(archive, "--to-db", tmp_path / "one.db", "--history", reports, "--force") == 75
    assert contents(reports, without=".lock") == before
    assert not (tmp_path / "one.db").exists()
    held.release()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to-chroma", "new"], "holds no Chroma directory"),
        (["--to-db", "new.db", "--history"], "holds no history of reports"),
        (["--to-db", "."], "is a folder, and a file is to be restored there"),
    ],
)
def test_what_cannot_be_is_refused(
    store: BuiltStore,
    tmp_path: Path,
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a sentence."""
    archive = made_backup(store, tmp_path / "backups", chroma=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert restore(archive, *arguments) == 4
    assert said in capsys.readouterr().err
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_what_root_restores_belongs_to_the_owner_of_the_place(archive: Path, tmp_path: Path) -> None:
    """The application must be able to open it."""
    place = tmp_path / "app"
    place.mkdir()
    os.chown(place, 1234, 1234)
    assert restore(archive, "--to-db", place / "risks.db", "--to-chroma", place / "data" / "chroma") == 0
    assert {path.stat().st_uid for path in place.rglob("*")} == {1234}


RESTORE = """
import sys
from tests.support.caring import restore
print(restore(sys.argv[1], "--to-db", sys.argv[2]))
"""


def test_a_folder_that_may_not_be_written_is_told_of(archive: Path, tmp_path: Path) -> None:
    """With a sentence, not a traceback."""
    (tmp_path / "app").mkdir(mode=0o555)
    assert run_unprivileged(RESTORE, archive, tmp_path / "app" / "risks.db").endswith("4")


def test_a_backup_of_a_restored_store_is_one_of_it(archive: Path, tmp_path: Path) -> None:
    """It is whole."""
    assert restore(archive, "--to-db", tmp_path / "a" / "risk_classifications.db", "--to-chroma", tmp_path / "a") == 0
    assert back_up(BuiltStore(tmp_path / "a"), tmp_path / "again") == 0
    assert manifest(archives(tmp_path / "again")[0])["counts"]["vectors"] == 120
