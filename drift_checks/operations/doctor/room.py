"""Room on the disks, and how large files are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from drift_checks.core.text import readable_size
from drift_checks.operations.doctor.check import Check, CheckResult, NotChecked, failed, passed, skipped, warning
from drift_checks.operations.doctor.setup import Setup
from drift_checks.stores.engines.snapshot import HEADROOM
from drift_checks.stores.engines.sources import files_named
from drift_checks.stores.engines.sqlite import files_of

GROUP = "room"
# A run's folder takes about half a megabyte.
_FEW_RUNS, _MANY_RUNS = 20_000_000, 500_000_000


def checks(setup: Setup) -> list[Check]:
    """Return the checks of room."""
    return [
        Check("reports", lambda: room_for_reports(free(setup.settings.reports)), ("reports",)),
        Check("snapshots", lambda: _room_for_copy(setup), ("snapshot_dir", "chroma", "db")),
        Check("backups", lambda: _room_for_backup(setup), ("chroma", "db")),
    ]


def free(folder: Path) -> int:
    """Return the free bytes where the folder is, or will be created."""
    return shutil.disk_usage(existing(folder)).free


def room_for_reports(room: int) -> CheckResult:
    """Check the room for the files that runs leave."""
    remedy = "make room, or lower retention-days"
    if room < _FEW_RUNS:
        return failed(f"{readable_size(room)} free: enough for a few runs at most", remedy)
    if room < _MANY_RUNS:
        return warning(f"{readable_size(room)} free: enough for some months of runs at most", remedy)
    return passed(f"{readable_size(room)} free")


def room_for_copy(room: int, size: int) -> CheckResult:
    """Check the room for a private copy of the store; twice its size lets the store grow."""
    message = f"{readable_size(room)} free, a private copy takes {readable_size(size)}"
    if room < size:
        return failed(message, "make room, or name a folder on another disk with --drift-snapshot-dir")
    if room < 2 * size:
        return warning(message, "make room before the store grows, or name another disk with --drift-snapshot-dir")
    return passed(message)


def room_for_backup(room: int, size: int) -> CheckResult:
    """Check the room for a backup, in case it does not compress."""
    message = f"{readable_size(room)} free, a backup takes at most {readable_size(size)}"
    return passed(message) if room >= size else warning(message, "make room, or name another disk with --backups")


def _room_for_copy(setup: Setup) -> CheckResult:
    _refuse_no_store(setup)
    size = _vectors_size(setup)
    if setup.settings.db is not None and setup.store.is_copied:
        size += _records_size(setup)
    if not size:
        return skipped("no private copy is needed: the store is read in place")
    return room_for_copy(free(setup.snapshots), size + HEADROOM)


def _room_for_backup(setup: Setup) -> CheckResult:
    _refuse_no_store(setup)
    setup.refuse_unless_sqlite()
    size = _vectors_size(setup) + _records_size(setup) + size_of(setup.settings.reports)
    return room_for_backup(free(setup.backups), size)


def _refuse_no_store(setup: Setup) -> None:
    if setup.settings.db is None and setup.settings.chroma is None:
        raise NotChecked("unknown: no store is configured")


def _records_size(setup: Setup) -> int:
    if setup.settings.db is None:
        return 0
    return _total(file for named in files_named(setup.settings.db) for file in files_of(named))


def _vectors_size(setup: Setup) -> int:
    """Return the size of the Chroma directory, without the records that may be in it."""
    chroma, db = setup.settings.chroma, setup.settings.db
    if not isinstance(chroma, Path):
        return 0
    inside = _records_size(setup) if isinstance(db, Path) and db.is_relative_to(chroma) else 0
    return max(0, size_of(chroma) - inside)


def size_of(folder: Path) -> int:
    """Return the total size of the readable files below a folder."""
    return sum(_total(Path(place) / name for name in names) for place, _, names in os.walk(folder))


def _total(files: Iterable[Path]) -> int:
    total = 0
    for file in files:
        with suppress(OSError):
            total += file.lstat().st_size
    return total


def existing(path: Path) -> Path:
    """Return the path, or the nearest folder above it that exists."""
    # os.path: what may not be searched counts as missing.
    while not os.path.exists(path) and path != path.parent:  # noqa: PTH110
        path = path.parent
    return path
