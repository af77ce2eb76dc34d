"""Restoring a backup."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from drift_checks.operations.backup import restoration
from drift_checks.report.folder import ReportsFolder
from drift_checks.report.history.acknowledged import Acknowledgements, kept_acknowledgements
from drift_checks.report.history.database import History
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.stores.vectors.chroma import DirectoryCollection
from tests.support.caring import made_backup, manifest, restore
from tests.support.folders import contents
from tests.support.histories import run
from tests.support.journals import write
from tests.support.judgements import judgement
from tests.support.processes import OtherProcess, run_unprivileged
from tests.support.reports import known_record
from tests.support.stores import BuiltStore


def rows(path: Path) -> list[tuple[object, ...]]:
    """Return every row of the records."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("select * from risk_classifications order by id").fetchall()


def reports_of(store: BuiltStore) -> Path:
    """Return the folder of reports of a store, with a run in its history."""
    reports = store.folder / "reports"
    reports.mkdir()
    with History(reports) as history:
        history.add(run())
    return reports


def test_a_backup_is_restored_elsewhere(archive: Path, store: BuiltStore, tmp_path: Path) -> None:
    """With every row and entry; missing folders are created, and records and vectors can be restored separately."""
    place = tmp_path / "new" / "place"
    assert restore(archive, "--to-db", place / "risks.db", "--to-chroma", place / "chroma") == 0
    assert rows(place / "risks.db") == rows(store.db)
    ids = [f"chroma-{number}" for number in range(1, 121)]
    both = []
    for folder in (store.chroma, place / "chroma"):
        opened = DirectoryCollection(folder, "risk_classifications", tmp_path / "snapshots")
        both.append(opened.entries(ids))
        opened.close()
    assert all((both[0][key].vector == both[1][key].vector).all() for key in ids)
    assert all(both[0][key].document == both[1][key].document for key in ids)
    assert sorted(path.name for path in place.iterdir()) == ["chroma", "risks.db"]
    assert restore(archive, "--to-db", tmp_path / "risks.db") == 0
    assert restore(archive, "--to-chroma", tmp_path / "chroma") == 0
    assert len(rows(tmp_path / "risks.db")) == 120
    assert not list((tmp_path / "chroma").glob("*.db"))


def test_existing_files_are_not_overwritten(
    store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They stay unchanged to the byte."""
    archive = made_backup(store, tmp_path / "backups")
    before = contents(store.folder)
    assert restore(archive) == 4
    message = capsys.readouterr().err
    assert message.startswith(f"python -m drift_checks restore: {store.db}, ")
    assert f"{store.chroma}/chroma.sqlite3" in message
    assert "with --force" in message
    assert contents(store.folder) == before


@pytest.mark.parametrize("beside", ["-wal", "-shm", "-journal"])
def test_an_abandoned_journal_is_in_the_way(archive: Path, tmp_path: Path, beside: str) -> None:
    """SQLite would replay it into the restored file."""
    (tmp_path / f"risks.db{beside}").write_bytes(b"left")
    assert restore(archive, "--to-db", tmp_path / "risks.db") == 4
    assert restore(archive, "--to-db", tmp_path / "risks.db", "--force") == 0
    [aside] = tmp_path.glob(f"risks.db.before-restore-*Z{beside}")
    assert aside.read_bytes() == b"left"
    assert len(rows(tmp_path / "risks.db")) == 120


def test_force_moves_existing_files_aside(
    store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With their journals, so that they can still be opened; other files stay where they are, and names are free."""
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
    printed = capsys.readouterr().out
    assert len(rows(store.db)) == 120
    assert store.db.stat().st_mode & 0o777 == 0o604
    [aside] = store.folder.glob("risk_classifications.db.before-restore-*")
    assert rows(aside) == before
    assert f"{store.db} was moved to {aside}\n" in printed
    [moved] = store.folder.glob("ef538636-*")
    assert moved.name.startswith(f"{index.name}.before-restore-")
    assert (store.folder / "notes.txt").read_text() == "foreign"
    assert not list(store.folder.glob(".drift-restore-*"))
    assert [restore(archive, "--force") for _ in range(2)] == [0, 0]
    assert len(list(store.folder.glob("risk_classifications.db.before-restore-*"))) == 3


def test_a_dry_run_writes_nothing(store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints what would be written, moved and refused, and reads the whole archive."""
    archive = made_backup(store, tmp_path / "backups")
    before = contents(tmp_path)
    capsys.readouterr()
    assert restore(archive, "--dry-run") == 0
    printed = capsys.readouterr().out
    assert f"{store.db} would be restored: " in printed
    assert f"{store.db} would be moved to {store.db}.before-restore-" in printed
    assert "--force" in printed
    assert contents(tmp_path) == before
    whole = bytearray(archive.read_bytes())
    whole[len(whole) // 2] ^= 1
    archive.write_bytes(whole)
    assert restore(archive, "--dry-run") == 4


def test_a_store_in_use_is_not_replaced(store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The application would go on writing to the file that was moved aside."""
    archive = made_backup(store, tmp_path / "backups", chroma=False)
    with OtherProcess() as application:
        write(application, store.db, "select 1 from risk_classifications")
        assert restore(archive, "--force") == 75
        assert f"process {application.pid} has a file to be replaced open" in capsys.readouterr().err
    assert restore(archive, "--force") == 0


def test_a_failed_rename_undoes_the_others(
    store: BuiltStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing has changed."""
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
    assert "and nothing has changed" in capsys.readouterr().err
    assert contents(store.folder) == before


def test_a_disk_without_room_stays_unchanged(
    archive: Path, disk: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The room is checked first; another program may use it up meanwhile."""
    folder = disk(30_000)
    assert restore(archive, "--to-db", folder / "risks.db") == 4
    assert "are needed for risks.db in" in capsys.readouterr().err
    monkeypatch.setattr(restoration, "refuse_without_room", list)
    assert restore(archive, "--to-db", folder / "deep" / "risks.db") == 4
    assert "cannot be restored (No space left on device), and nothing has changed" in capsys.readouterr().err
    assert not list(folder.iterdir())


def test_the_history_is_restored_only_on_request(store: BuiltStore, tmp_path: Path) -> None:
    """With its journal, to the folder it came from or another."""
    reports = reports_of(store)
    with History(reports) as history:
        Acknowledgements(history).add(known_record(7))
    journal = reports / "history.journal.jsonl"
    content = journal.read_bytes()
    archive = made_backup(store, tmp_path / "backups", chroma=False)
    assert manifest(archive)["counts"]["runs"] == 1
    assert restore(archive, "--to-db", tmp_path / "one.db") == 0
    (reports / "history.sqlite3").unlink()
    journal.unlink()
    assert restore(archive, "--to-db", tmp_path / "two.db", "--history") == 0
    assert restore(archive, "--to-db", tmp_path / "three.db", "--history", tmp_path / "others") == 0
    for folder in (reports, tmp_path / "others"):
        with History(folder) as history:
            assert [found.run_id for found in history.runs()] == [run().run_id]
            assert [item.acknowledgement.record_id for item in kept_acknowledgements(history)] == [7]
        assert (folder / journal.name).read_bytes() == content


def test_judgements_are_saved_and_restored_with_the_history(store: BuiltStore, tmp_path: Path) -> None:
    """They cannot be made again; a line that is being written is left out."""
    reports = reports_of(store)
    file = JudgementFile(reports)
    file.add([judgement()])
    content = file.path.read_bytes()
    file.path.write_bytes(content + b'{"record')
    archive = made_backup(store, tmp_path / "backups", chroma=False)
    file.path.unlink()
    (reports / "history.sqlite3").unlink()
    assert restore(archive, "--to-db", tmp_path / "one.db", "--history") == 0
    assert file.path.read_bytes() == content
    assert restore(archive, "--to-db", tmp_path / "two.db", "--history") == 4


def test_a_history_without_a_journal_moves_an_existing_one_aside(store: BuiltStore, tmp_path: Path) -> None:
    """It belongs to another history."""
    reports_of(store)
    archive = made_backup(store, tmp_path / "backups", chroma=False)
    (tmp_path / "others").mkdir()
    (tmp_path / "others/history.journal.jsonl").write_bytes(b"{}\n")
    to = ("--to-db", tmp_path / "a.db", "--history", tmp_path / "others")
    assert restore(archive, *to) == 4
    assert restore(archive, *to, "--force") == 0
    names = sorted(path.name for path in (tmp_path / "others").iterdir() if path.name.startswith("history"))
    assert [name.partition(".before-restore-")[0] for name in names] == ["history.journal.jsonl", "history.sqlite3"]
    assert names[0] != "history.journal.jsonl"


def test_the_history_of_a_running_review_is_not_replaced(store: BuiltStore, tmp_path: Path) -> None:
    """Nor is anything else."""
    reports = reports_of(store)
    archive = made_backup(store, tmp_path / "backups", chroma=False)
    held = ReportsFolder(reports)
    before = contents(reports, without=".lock")
    assert restore(archive, "--to-db", tmp_path / "one.db", "--history", reports, "--force") == 75
    assert contents(reports, without=".lock") == before
    assert not (tmp_path / "one.db").exists()
    held.release()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to-chroma", "new"], "contains no Chroma directory"),
        (["--to-db", "new.db", "--history"], "contains no history of reports"),
        (["--to-db", "."], "is a folder, and a file is to be restored there"),
    ],
)
def test_an_impossible_restore_is_refused(
    store: BuiltStore,
    tmp_path: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is written."""
    archive = made_backup(store, tmp_path / "backups", chroma=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert restore(archive, *arguments) == 4
    assert message in capsys.readouterr().err
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_files_restored_by_root_belong_to_the_owner_of_the_folder(archive: Path, tmp_path: Path) -> None:
    """The application must be able to open them."""
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


def test_an_unwritable_folder_is_refused(archive: Path, tmp_path: Path) -> None:
    """Without a traceback."""
    (tmp_path / "app").mkdir(mode=0o555)
    assert run_unprivileged(RESTORE, archive, tmp_path / "app" / "risks.db").endswith("4")
