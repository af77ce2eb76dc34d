"""Making a backup: copied, checked, packed, unpacked and compared, and only then given its name."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from drift_checks.core.errors import ArchiveError, RunInProgress, StoreError
from drift_checks.core.files import sync_folder, try_lock
from drift_checks.operations.backup import verification
from drift_checks.operations.backup.archive import describe_file, pack, unpack
from drift_checks.operations.backup.copies import copy_chroma, copy_journal, copy_sqlite, not_written
from drift_checks.operations.backup.disk import refuse_without_room
from drift_checks.operations.backup.manifest import CHROMA, RECORDS, REPORT_FILES, Counts, Manifest, Origins
from drift_checks.operations.backup.retention import ASIDE, archive_name, moment_of, prune
from drift_checks.report.history.reading import NAME as HISTORY
from drift_checks.reviews.judgements.file import NAME as JUDGEMENTS
from drift_checks.stores.engines.snapshot import Snapshot
from drift_checks.stores.engines.sqlite import SqliteFile, files_of
from drift_checks.stores.identity import StoreIdentity
from drift_checks.stores.records import RecordStore
from drift_checks.stores.vectors.catalogue import DATABASE, CollectionName
from drift_checks.stores.vectors.chroma import refuse_no_chroma, refuse_no_collection
from drift_checks.stores.vectors.damage import index_files

_LOCK = ".drift-backup.lock"
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


@dataclass(frozen=True)
class BackupSource:
    """What to back up; `columns` are the names of its columns by ours, and copies are made in `snapshot_dir`."""

    db: Path
    chroma: Path | None
    collection: CollectionName
    identity: StoreIdentity
    columns: dict[str, str]
    reports: Path
    snapshot_dir: Path

    def report_files(self) -> dict[str, Path]:
        """Return the history, its journal and the judgements by their names, as far as they exist."""
        files = {name: self.reports / name for name in REPORT_FILES}
        # os.path: False, too, if the folder may not be searched.
        return {name: file for name, file in files.items() if os.path.exists(file)}  # noqa: PTH110


@dataclass(frozen=True)
class Backup:
    """A verified backup, the older backups that were removed for it, and warnings for the user."""

    path: Path
    size: int
    manifest: Manifest
    removed: list[Path]
    warnings: list[str]


@dataclass
class _Copies:
    """The copies, by their names in the archive."""

    folder: Path
    files: dict[str, Path] = field(default_factory=dict)
    vectors: verification.VectorSample | None = None
    runs: int | None = None
    warnings: list[str] = field(default_factory=list)


def back_up(source: BackupSource, folder: Path, keep: int, now: datetime) -> Backup:
    """Make a backup in the folder, named after the time, and keep at most `keep` of the same store.

    Raises:
        StoreError: The store cannot be read, is damaged, or its indexes change all the time.
        ArchiveError: The backup cannot be written there, or differs from what was copied; none is left.
        RunInProgress: Another backup is being made there.
    """
    _refuse_unusable(source)
    with _explained(folder), _locked(folder):
        _remove_leftovers(folder)
        _refuse_without_room(source, folder)
        snapshot = Snapshot(source.snapshot_dir)
        try:
            name = archive_name(now, {path.name for path in folder.iterdir()})
            aside = folder / f".{name}{ASIDE}"
            manifest, warnings = _make(source, snapshot, aside, now)
            aside.rename(folder / name)
            sync_folder(folder)
        finally:
            snapshot.close()
            _remove_leftovers(folder)
        removed = prune(folder, source.identity, keep, name)
        return Backup(folder / name, (folder / name).stat().st_size, manifest, removed, warnings)


def _refuse_unusable(source: BackupSource) -> None:
    """Refuse an unusable store before anything is copied, as a review does."""
    with closing(SqliteFile(source.db, source.snapshot_dir)) as file:
        RecordStore(file, source.identity.table, source.columns)
    if source.chroma is not None:
        refuse_no_chroma(source.chroma)
        refuse_no_collection(source.chroma, source.collection, source.snapshot_dir)


def _make(source: BackupSource, snapshot: Snapshot, aside: Path, now: datetime) -> tuple[Manifest, list[str]]:
    """Copy, check, pack and compare; return the manifest and the warnings."""
    copies = _copy(source, snapshot.folder / "copied")
    records = _check(source, copies)
    kept = [str(source.reports / name) if name in copies.files else None for name in REPORT_FILES]
    versions = {name: version(name) for name in ("drift-checks", "chromadb")}
    manifest = Manifest(
        created=now,
        versions=versions | {"sqlite": sqlite3.sqlite_version},
        store=source.identity,
        sources=Origins(str(source.db), None if source.chroma is None else str(source.chroma), *kept),
        counts=Counts(records, None if copies.vectors is None else copies.vectors.count, copies.runs),
        members={name: describe_file(file) for name, file in copies.files.items()},
        verified=_sentences(copies),
    )
    pack(aside, manifest, copies.files)
    shutil.rmtree(copies.folder)
    _refuse_different(aside, source, copies, manifest, snapshot.folder / "unpacked")
    return manifest, copies.warnings


def _copy(source: BackupSource, folder: Path) -> _Copies:
    folder.mkdir()
    copies = _Copies(folder)
    copies.files[RECORDS] = folder / RECORDS

    def copy_records() -> None:
        copy_sqlite(source.db, folder / RECORDS, source.snapshot_dir)

    if source.chroma is None:
        copy_records()
    else:
        # The records first: a vector without its record does less harm than a record without its vector.
        copies.files |= copy_chroma(source.chroma, folder, source.snapshot_dir, copy_records)

    def copy_history(history: Path, target: Path) -> None:
        copy_sqlite(history, target, source.snapshot_dir)
        verification.refuse_damaged(target, history)

    # The journal last, so that it lacks no run of the history.
    for name, file in source.report_files().items():
        try:
            (copy_history if name == HISTORY else copy_journal)(file, folder / name)
            copies.files[name] = folder / name
        except StoreError as error:
            # The store is saved all the same, and the history can be rebuilt from the reports.
            what = "the judgements are" if name == JUDGEMENTS else "the history of the reports is"
            copies.warnings.append(f"{what} left out: {error}")
    return copies


def _check(source: BackupSource, copies: _Copies) -> int:
    """Check the copies; return the number of records."""
    verification.refuse_damaged(copies.files[RECORDS], source.db)
    if source.chroma is not None:
        verification.refuse_damaged(copies.folder / CHROMA / DATABASE, source.chroma / DATABASE)
        copies.vectors = _sample_vectors(copies.folder, source, source.chroma)
    if HISTORY in copies.files:
        copies.runs = verification.count_rows(copies.files[HISTORY], "runs")
    return _count_records(copies.files[RECORDS], source)


def _sample_vectors(folder: Path, source: BackupSource, chroma: Path) -> verification.VectorSample:
    return verification.sample_vectors(folder / CHROMA, source.collection, chroma, source.snapshot_dir)


def _count_records(copy: Path, source: BackupSource) -> int:
    number = verification.count_rows(copy, source.identity.table)
    if number is None:
        raise StoreError(source.db, f"its copy has no table {source.identity.table!r}", "make the backup again")
    return number


def _refuse_different(aside: Path, source: BackupSource, copies: _Copies, manifest: Manifest, folder: Path) -> None:
    """Unpack the archive and compare it with what was packed."""
    for name in manifest.members:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    unpack(aside, lambda name: folder / name)
    if _count_records(folder / RECORDS, source) != manifest.counts.records:
        raise ArchiveError(aside, "contains other records than were copied, so it is not a backup", "check the disk")
    if source.chroma is not None and copies.vectors is not None:
        verification.refuse_different(_sample_vectors(folder, source, source.chroma), copies.vectors, aside)


def _sentences(copies: _Copies) -> tuple[str, ...]:
    """Return the checks that the archive passes before it gets its name."""
    found = [
        "every member was read back from the archive and has its digest",
        "PRAGMA integrity_check of each SQLite file: ok",
        "records counted in the copy and in the unpacked archive: the same",
    ]
    if copies.vectors is not None:
        found.append("vectors counted by Chroma in the copy and in the unpacked archive: the same")
        vectors = copies.vectors.vectors
        found.append(
            "no vectors compared: the index is too large for memory"
            if vectors is None
            else f"vectors compared between the copy and the unpacked archive: {len(vectors)}, the same"
        )
    return tuple(found)


def _refuse_without_room(source: BackupSource, folder: Path) -> None:
    """Check the room for two copies at a time, and for an archive that may be as large as one."""
    files = [*files_of(source.db), *source.report_files().values()]
    if source.chroma is not None:
        files += files_of(source.chroma / DATABASE)
        files += index_files(source.chroma)
    size = sum(map(_size, files))
    try:
        source.snapshot_dir.mkdir(parents=True, exist_ok=True)
    except OSError:
        # Snapshot reports that.
        return
    refuse_without_room([(source.snapshot_dir, 2 * size, "the copies for a backup"), (folder, size, "a backup")])


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        # SQLite removes its journals while it writes.
        return 0


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of the folder of backups, creating it if it is missing."""
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _FILE_MODE)
    try:
        if not try_lock(handle):
            raise RunInProgress(folder, "another backup is being made there", "wait for it")
        yield
    finally:
        os.close(handle)


def _remove_leftovers(folder: Path) -> None:
    """Remove unfinished backups of killed runs; the folder is locked, so nobody is writing them."""
    for path in folder.glob(f".*{ASIDE}"):
        if moment_of(path.name.removeprefix(".").removesuffix(ASIDE)):
            with suppress(OSError):
                path.unlink()


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn an error of the system into a sentence."""
    try:
        yield
    except OSError as error:
        raise not_written(Path(error.filename or folder / "it"), str(error.strerror)) from None
