"""A backup from beginning to end: copied, checked, packed, unpacked and compared, and only then given its name."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from drift_checks.core.errors import ArchiveError, DriftError, RunInProgress, StoreError
from drift_checks.operations.backup import verification
from drift_checks.operations.backup.archive import digest_of, pack, unpack
from drift_checks.operations.backup.copies import copy_chroma, copy_sqlite, not_copied
from drift_checks.operations.backup.disk import refuse_without_room, settle
from drift_checks.operations.backup.manifest import CHROMA, HISTORY, RECORDS, Counts, Manifest, Origins
from drift_checks.operations.backup.retention import ASIDE, archive_name, is_archive_name, prune
from drift_checks.report.history.recorded import StoreIdentity
from drift_checks.stores.chroma import DATABASE, index_files, refuse_no_chroma, refuse_no_collection
from drift_checks.stores.records import RecordStore
from drift_checks.stores.snapshot import Snapshot
from drift_checks.stores.sqlite import SqliteFile, files_of

_LOCK = ".drift-backup.lock"
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


@dataclass(frozen=True)
class Source:
    """The store to back up.

    Attributes:
        db: The SQLite file.
        chroma: The Chroma directory, None for a store without vectors.
        identity: Of the store.
        columns: The store's names of columns, by ours.
        history: The history of the reports, None where there is none.
        snapshot_dir: Where copies are made.
    """

    db: Path
    chroma: Path | None
    identity: StoreIdentity
    columns: dict[str, str]
    history: Path | None
    snapshot_dir: Path


@dataclass(frozen=True)
class Backup:
    """A backup that was made and verified, what was removed for it, and what the user is to be told besides."""

    path: Path
    size: int
    manifest: Manifest
    removed: list[Path]
    warnings: list[str]


@dataclass
class _Staged:
    """The copies, by their names in the archive."""

    folder: Path
    files: dict[str, Path] = field(default_factory=dict)
    holding: verification.Holding | None = None
    runs: int | None = None
    warnings: list[str] = field(default_factory=list)


def back_up(source: Source, folder: Path, keep: int, now: datetime) -> Backup:
    """Make a backup of the store in the folder, and remove the oldest ones of the same store.

    Args:
        source: The store.
        folder: Where the backup is put; made where it is missing.
        keep: How many backups of this store stay, from 1.
        now: The moment, which becomes its name.

    Raises:
        StoreError: The store cannot be read, is damaged, or its indexes never rest.
        ArchiveError: The backup cannot be written there, or is not what was copied; none is left.
        RunInProgress: Another backup is being made there.
    """
    _refuse_unusable(source)
    with _held(folder):
        _remove_leftovers(folder)
        _refuse_without_room(source, folder)
        snapshot = Snapshot(source.snapshot_dir)
        try:
            name = archive_name(now, {path.name for path in folder.iterdir()})
            aside = folder / f".{name}{ASIDE}"
            manifest, warnings = _made(source, snapshot, aside, now)
            aside.rename(folder / name)
            settle(folder)
        except OSError as error:
            raise _not_made(folder, error) from None
        finally:
            snapshot.close()
            _remove_leftovers(folder)
        removed = prune(folder, source.identity, keep, name)
        return Backup(folder / name, (folder / name).stat().st_size, manifest, removed, warnings)


def _refuse_unusable(source: Source) -> None:
    """Refuse what is no store before anything is copied, in the words of the review."""
    file = SqliteFile(source.db, source.snapshot_dir)
    try:
        RecordStore(file, source.identity.table, source.columns)
    finally:
        file.close()
    if source.chroma is not None:
        refuse_no_chroma(source.chroma)
        refuse_no_collection(source.chroma, source.identity.collection, source.snapshot_dir)


def _made(source: Source, snapshot: Snapshot, aside: Path, now: datetime) -> tuple[Manifest, list[str]]:
    """Copy, check, pack and compare; return the manifest and what the user is to be told."""
    staged = _copied(source, snapshot.folder / "copied")
    records = _checked(source, staged)
    members = {name: digest_of(file) for name, file in staged.files.items()}
    manifest = Manifest(
        created=now,
        versions={
            "drift-checks": version("drift-checks"),
            "chromadb": version("chromadb"),
            "sqlite": sqlite3.sqlite_version,
        },
        store=source.identity,
        origins=Origins(
            str(source.db),
            None if source.chroma is None else str(source.chroma),
            str(source.history) if HISTORY in staged.files else None,
        ),
        counts=Counts(records, None if staged.holding is None else staged.holding.count, staged.runs),
        members=members,
        verified=_sentences(staged),
    )
    pack(aside, manifest, staged.files)
    shutil.rmtree(staged.folder)
    _refuse_other(aside, source, staged, manifest, snapshot.folder / "unpacked")
    return manifest, staged.warnings


def _copied(source: Source, folder: Path) -> _Staged:
    folder.mkdir()
    staged = _Staged(folder)
    staged.files[RECORDS] = folder / RECORDS

    def copy_records() -> None:
        copy_sqlite(source.db, folder / RECORDS, source.snapshot_dir)

    if source.chroma is None:
        copy_records()
    else:
        # The records first: their entries were written by then, or are in a moment. A record without its vector is
        # worth less than a vector without its record.
        staged.files |= copy_chroma(source.chroma, folder, source.snapshot_dir, copy_records)
    if source.history is not None:
        try:
            copy_sqlite(source.history, folder / HISTORY, source.snapshot_dir)
            verification.refuse_damaged(folder / HISTORY, source.history)
            staged.files[HISTORY] = folder / HISTORY
        except StoreError as error:
            # It is made anew of the reports; the store is not.
            staged.warnings.append(f"the history of the reports is left out: {error}")
    return staged


def _checked(source: Source, staged: _Staged) -> int:
    """Check the copies; return how many records there are."""
    verification.refuse_damaged(staged.files[RECORDS], source.db)
    if source.chroma is not None:
        chroma = staged.folder / CHROMA
        verification.refuse_damaged(chroma / DATABASE, source.chroma / DATABASE)
        staged.holding = verification.holding(chroma, source.identity.collection, source.chroma, source.snapshot_dir)
    if HISTORY in staged.files:
        staged.runs = verification.count_rows(staged.files[HISTORY], "runs")
    return _records(staged.files[RECORDS], source)


def _records(copy: Path, source: Source) -> int:
    number = verification.count_rows(copy, source.identity.table)
    if number is None:
        raise StoreError(source.db, f"the copy of it has no table {source.identity.table!r}", "make the backup again")
    return number


def _refuse_other(aside: Path, source: Source, staged: _Staged, manifest: Manifest, folder: Path) -> None:
    """Unpack the archive and compare it with what was packed."""
    for name in manifest.members:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    unpack(aside, lambda _: lambda name: folder / name)
    if _records(folder / RECORDS, source) != manifest.counts.records:
        raise ArchiveError(aside, "holds other records than were copied, so it is no backup", "look to the disk")
    if source.chroma is not None and staged.holding is not None:
        found = verification.holding(folder / CHROMA, source.identity.collection, source.chroma, source.snapshot_dir)
        verification.refuse_different(found, staged.holding, aside)


def _sentences(staged: _Staged) -> tuple[str, ...]:
    """Say what is checked: the archive gets its name only when all of it holds."""
    said = [
        "every member was read back from the archive and has its digest",
        "PRAGMA integrity_check of each SQLite file: ok",
        "records counted in the copy and in the unpacked archive: the same",
    ]
    if staged.holding is not None:
        said.append("vectors counted by Chroma in the copy and in the unpacked archive: the same")
        number = None if staged.holding.vectors is None else len(staged.holding.vectors)
        said.append(
            "no vectors compared: the index is too large to be held in memory"
            if number is None
            else f"vectors compared between the copy and the unpacked archive: {number}, the same"
        )
    return tuple(said)


def _refuse_without_room(source: Source, folder: Path) -> None:
    """Refuse before anything is copied: two copies at a time are made, and an archive that may be as large as one."""
    files = files_of(source.db)
    if source.chroma is not None:
        files += files_of(source.chroma / DATABASE)
        files += index_files(source.chroma)
    if source.history is not None:
        files.append(source.history)
    size = sum(file.stat().st_size for file in files if file.exists())
    copies, archive = "the copies that a backup is made of", "a backup"
    try:
        source.snapshot_dir.mkdir(parents=True, exist_ok=True)
    except OSError:
        # Snapshot says so in its own words.
        return
    refuse_without_room([(source.snapshot_dir, 2 * size, copies), (folder, size, archive)])


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder against other backups."""
    try:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _FILE_MODE)
    except OSError as error:
        raise _not_made(folder, error) from None
    with closing(os.fdopen(lock, "r+b")) as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunInProgress(folder, "another backup is being made there", "wait for it") from None
        except OSError as error:
            raise _not_made(folder, error) from None
        yield


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left half-written; the folder is held, so none of it is being written."""
    for path in folder.glob(f".*{ASIDE}"):
        if is_archive_name(path.name.removeprefix(".").removesuffix(ASIDE)):
            with suppress(OSError):
                path.unlink()


def _not_made(folder: Path, error: OSError) -> DriftError:
    return not_copied(Path(error.filename or folder / "it"), str(error.strerror))
