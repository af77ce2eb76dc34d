"""Making a backup, from beginning to end."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from drift_checks.commands import run_command
from drift_checks.core.errors import ArchiveError, StoreError
from drift_checks.operations.backup import creation, verification
from drift_checks.operations.backup.archive import pack
from drift_checks.operations.backup.disk import refuse_without_room
from drift_checks.report.history.database import History
from drift_checks.stores.vectors.catalogue import CollectionName
from tests.support.caring import archives, back_up, made_backup, manifest, restore
from tests.support.folders import contents
from tests.support.histories import run
from tests.support.old_chroma import COUNT, sqlite_rows, unpack_old_directory
from tests.support.processes import OtherProcess, run_unprivileged
from tests.support.stores import BuiltStore
from tests.unit.stores.vectors.test_chroma import made_in


def test_the_store_stays_unchanged(store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To the byte, with nothing new in its folder; a quiet backup prints nothing."""
    before = contents(store.folder)
    made_backup(store, tmp_path / "backups", "--drift-quiet")
    assert contents(store.folder) == before
    assert not (store.folder / "reports").exists()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("journal", [False, True])
def test_the_backup_is_reported(
    store: BuiltStore, tmp_path: Path, journal: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its size and its contents, among them the history's journal if there is one."""
    reports = store.folder / "reports"
    reports.mkdir()
    with History(reports) as history:
        history.add(run())
    # As a run may have left it unfinished.
    file = reports / "history.journal.jsonl"
    if journal:
        file.write_text('{"run": 1}\n{"ru')
    archive = made_backup(store, tmp_path / "backups")
    printed = capsys.readouterr()
    size = f"{archive.stat().st_size / 1000:.0f} kB"
    assert printed.out.startswith(f"{archive}: {size}, 120 records, 120 vectors, 1 run of the history, verified, in ")
    assert printed.err == ""
    found = manifest(archive)
    assert found["sources"] == {
        "db": str(store.db),
        "chroma": str(store.chroma),
        "history": str(reports / "history.sqlite3"),
        "history_journal": str(file) if journal else None,
        "judgements": None,
    }
    assert ("history.journal.jsonl" in found["members"]) is journal
    assert "vectors compared between the copy and the unpacked archive: 60, the same" in found["verified"]


def test_a_store_without_vectors_is_backed_up(
    store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And without a history; only its owner may read it, and a folder that had to be created for it."""
    before = os.umask(0)
    try:
        archive = made_backup(store, tmp_path / "deep" / "backups", chroma=False)
    finally:
        os.umask(before)
    assert (archive.stat().st_mode & 0o777, archive.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert set(manifest(archive)["members"]) == {"records.sqlite3"}
    assert "120 records, no Chroma directory, verified" in capsys.readouterr().out


BACK_UP = """
import sys
from pathlib import Path
from tests.support.caring import back_up
from tests.support.stores import BuiltStore
print(back_up(BuiltStore(Path(sys.argv[1])), Path(sys.argv[2])))
"""


def test_a_read_only_store_is_backed_up(store: BuiltStore, tmp_path: Path) -> None:
    """Neither its folder nor its files need to be writable, even in WAL mode."""
    store.execute("pragma journal_mode = wal")
    paths = [store.folder, *store.folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = contents(store.folder)
    printed = run_unprivileged(BACK_UP, store.folder, tmp_path / "backups")
    store.folder.chmod(0o755)
    assert printed.splitlines()[-1] == "0"
    assert contents(store.folder) == before
    assert manifest(archives(tmp_path / "backups")[0])["counts"]["vectors"] == 120


def nothing_left(folder: Path) -> bool:
    """Return whether there is no backup, not even an unfinished one."""
    return not folder.exists() or {path.name for path in folder.iterdir()} <= {".drift-backup.lock"}


def damage(path: Path) -> None:
    """Overwrite pages in the middle of a SQLite file."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 8192)


@pytest.mark.parametrize("name", ["risk_classifications.db", "chroma.sqlite3"])
def test_a_damaged_store_is_not_backed_up(
    store: BuiltStore, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Earlier backups stay."""
    made_backup(store, tmp_path / "backups")
    damage(store.folder / name)
    assert back_up(store, tmp_path / "backups", "--keep=1") == 4
    assert f"{store.folder / name}: is damaged" in capsys.readouterr().err
    assert len(archives(tmp_path / "backups")) == 1


def test_a_collection_is_chosen_by_its_database(
    store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a review, if several have the name."""
    made_in(store.chroma, "acme", "prod", "risk_classifications")
    assert back_up(store, tmp_path / "backups") == 4
    assert "has 2 collections 'risk_classifications'" in capsys.readouterr().err
    made_backup(store, tmp_path / "backups", "--drift-chroma-tenant=acme")
    assert "120 records, 2 vectors, verified" in capsys.readouterr().out


def test_a_damaged_history_is_left_out(store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The store and the history's journal are backed up all the same."""
    (store.folder / "reports").mkdir()
    (store.folder / "reports" / "history.sqlite3").write_bytes(b"no database")
    (store.folder / "reports" / "history.journal.jsonl").write_bytes(b"{}\n")
    archive = made_backup(store, tmp_path / "backups", chroma=False)
    assert capsys.readouterr().err.startswith("the history of the reports is left out: ")
    assert set(manifest(archive)["members"]) == {"records.sqlite3", "history.journal.jsonl"}


def test_a_damaged_archive_is_not_kept(
    store: BuiltStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is read back before it gets its name."""

    def damaged(path: Path, *arguments: object) -> None:
        pack(path, *arguments)  # type: ignore[arg-type]
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(b"\0" * 16)

    monkeypatch.setattr(creation, "pack", damaged)
    assert back_up(store, tmp_path / "backups") == 4
    assert "is not a sound backup" in capsys.readouterr().err
    assert nothing_left(tmp_path / "backups")


def test_different_vectors_in_the_archive_are_found(
    store: BuiltStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their number and their values; an entry without a vector, as in a torn copy of an index, is found, too."""
    one = verification.VectorSample(2, {"a": np.array([1.0, 2.0], dtype=np.float32)})
    verification.refuse_different(one, one, tmp_path)
    for other in (
        verification.VectorSample(3, one.vectors),
        verification.VectorSample(2, {"a": np.array([1.0, 2.5], dtype=np.float32)}),
        verification.VectorSample(2, {"b": np.array([1.0, 2.0], dtype=np.float32)}),
        verification.VectorSample(2, None),
    ):
        with pytest.raises(ArchiveError, match="contains other vectors than were copied"):
            verification.refuse_different(other, one, tmp_path)
    monkeypatch.setattr("drift_checks.stores.vectors.chroma.DirectoryCollection.entries", lambda *_: {})
    with pytest.raises(StoreError, match="60 of 60 sampled entries without a vector"):
        verification.sample_vectors(
            store.chroma, CollectionName("risk_classifications"), store.chroma, tmp_path / "snapshots"
        )


def test_an_index_too_large_for_memory_is_not_loaded(
    store: BuiltStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest says so."""
    monkeypatch.setattr(verification, "LARGEST_INDEX", -1)
    found = manifest(made_backup(store, tmp_path / "backups"))
    assert "no vectors compared: the index is too large for memory" in found["verified"]
    assert found["counts"]["vectors"] == 120


def test_a_second_backup_at_the_same_time_is_refused(
    store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the code that means: try again."""
    (tmp_path / "backups").mkdir()
    with OtherProcess() as other:
        lock = str(tmp_path / "backups" / ".drift-backup.lock")
        other.run(f"import fcntl; file = open({lock!r}, 'w'); fcntl.flock(file, fcntl.LOCK_EX)")
        assert back_up(store, tmp_path / "backups") == 75
    assert "another backup is being made there" in capsys.readouterr().err
    assert back_up(store, tmp_path / "backups", chroma=False) == 0


def ended_with(call: Callable[[], int]) -> int:
    """Return the exit code of a command, also if argparse refuses its arguments."""
    try:
        return call()
    except SystemExit as ended:
        return int(str(ended.code))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--drift-db=/nowhere/a.db"], "/nowhere/a.db: does not exist"),
        (["--drift-table=risk_classification"], "did you mean 'risk_classifications'?"),
        (["--drift-collection=risk_classification"], "did you mean 'risk_classifications'?"),
        (["--drift-chroma=/nowhere"], "/nowhere: does not exist"),
        (["--drift-demo=true"], "ignored explicit argument"),
    ],
)
def test_an_unusable_store_is_refused(
    store: BuiltStore, tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As by a review, before any folder is created."""
    assert ended_with(lambda: back_up(store, tmp_path / "backups", *arguments)) == 4
    assert message in capsys.readouterr().err
    assert not (tmp_path / "backups").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "db: no store is configured"),
        (["--drift-demo"], "demo: "),
        (["--keep=0"], "a whole number of at least 1"),
    ],
)
def test_a_backup_of_nothing_is_refused(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """So is the demo store; the newest backup is always kept."""
    assert ended_with(lambda: run_command("backup", ["--to", str(tmp_path / "a"), *arguments])) == 4
    assert message in capsys.readouterr().err


def test_too_little_room_is_reported_first(
    store: BuiltStore, disk: Callable[[int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """How much is needed, and how much is free."""
    folder = disk(3_000_000)
    assert back_up(store, folder) == 4
    assert f"are needed for a backup in {folder}, and 3.0 MB are free; make room" in capsys.readouterr().err
    assert nothing_left(folder)


def test_needs_on_one_disk_are_added_up(tmp_path: Path) -> None:
    """Each alone would fit."""
    half = int(os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize * 0.6)
    refuse_without_room([(tmp_path, half, "one")])
    with pytest.raises(ArchiveError, match=r"are needed for one in .* and two in "):
        refuse_without_room([(tmp_path, half, "one"), (tmp_path, half, "two")])


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond this size, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_disk_that_fills_up_leaves_nothing(
    store: BuiltStore, tmp_path: Path, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether a copy or the archive was being written."""
    with largest_file(size):
        assert back_up(store, tmp_path / "backups") == 4
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "Traceback" not in message
    assert nothing_left(tmp_path / "backups")
    assert back_up(store, tmp_path / "backups", chroma=False) == 0


def test_an_archive_that_does_not_fit_leaves_nothing(
    store: BuiltStore, disk: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Although the copies did fit."""
    monkeypatch.setattr(creation, "refuse_without_room", list)
    folder = disk(20_480)
    assert back_up(store, folder) == 4
    assert f"{folder}: the backup cannot be written there (No space left" in capsys.readouterr().err
    assert nothing_left(folder)


def test_the_remains_of_a_killed_backup_are_removed(store: BuiltStore, tmp_path: Path) -> None:
    """And nothing else."""
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / ".drift-backup-20260115T020000Z.tar.gz.tmp").touch()
    (folder / ".mine.tmp").touch()
    made_backup(store, folder, chroma=False)
    assert {path.name for path in folder.glob(".*")} == {".mine.tmp", ".drift-backup.lock"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_nothing(store: BuiltStore, tmp_path: Path, number: signal.Signals) -> None:
    """It ends with 2 and one sentence."""
    with closing(sqlite3.connect(store.db)) as connection, connection:
        connection.execute("create table large as select hex(randomblob(500)) as text from risk_classifications")
        for _ in range(9):
            connection.execute("insert into large select hex(randomblob(500)) from large")
    folder, snapshots = tmp_path / "backups", tmp_path / "snapshots"
    arguments = ["--to", str(folder), f"--drift-db={store.db}", f"--drift-snapshot-dir={snapshots}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "drift_checks", "backup", *arguments], stderr=subprocess.PIPE, text=True
    )
    while not list(folder.glob(".*.tmp")):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(number)
    _, message = process.communicate(timeout=60)
    assert (process.returncode, message) == (2, f"{folder}: interrupted; no backup was made.\n")
    assert nothing_left(folder)
    assert not list(snapshots.iterdir())


def test_a_directory_of_an_older_chromadb_is_not_migrated(store: BuiltStore, tmp_path: Path) -> None:
    """Only throw-away copies are: once restored, its own client reads it."""
    directory = tmp_path / "old"
    unpack_old_directory(directory)
    before = contents(directory)
    given = (f"--drift-chroma={directory}", "--drift-collection=old")
    archive = made_backup(store, tmp_path / "backups", *given, chroma=False)
    assert contents(directory) == before
    assert manifest(archive)["counts"]["vectors"] == COUNT
    assert restore(archive, "--to-chroma", tmp_path / "restored") == 0
    assert sqlite_rows(tmp_path / "restored") == sqlite_rows(directory)
