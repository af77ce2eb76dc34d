"""Private copies of a store's files, for what cannot be read in place without writing."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

import platformdirs

from drift_checks.core.errors import StoreChanged, StoreError

_PREFIX = "snapshot-"
_LOCK = "lock"
_ATTEMPTS = 5
_YOUNG_SECONDS = 3600
# A copy is opened for writing: it needs some room of its own.
HEADROOM = 16 * 1024 * 1024

Fingerprint = Mapping[Path, tuple[int, int, int]]


def default_folder() -> Path:
    """Return the folder of the system's cache in which snapshots are made.

    Raises:
        StoreError: The user has no home.
    """
    try:
        return Path(platformdirs.user_cache_dir("drift-checks")) / "snapshots"
    except RuntimeError:
        raise StoreError(
            "snapshot-dir",
            "is not set, and this user has no home with a cache folder",
            "name a folder that can be written to with --drift-snapshot-dir",
        ) from None


def fingerprint(files: Iterable[Path]) -> Fingerprint:
    """Return inode, size and time of modification of the files that exist: unchanged means not written to."""
    stats = {}
    for file in files:
        try:
            status = file.stat()
        except FileNotFoundError:
            continue
        stats[file] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return stats


class Snapshot:
    """A private folder with copies of files, gone when it is closed.

    Folders that a killed run left behind are removed when the next one is made: the lock file of each
    is held as long as its run lives.

    Args:
        parent: The folder to make it in.

    Raises:
        StoreError: The folder cannot be made.
    """

    def __init__(self, parent: Path) -> None:
        try:
            parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(parent)
            self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            self._lock: IO[str] = (self.folder / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._lock.write("held")
            self._lock.flush()
        except OSError as error:
            raise StoreError(
                "snapshot-dir",
                f"no private copy of the store can be made in {parent} ({error.strerror})",
                "name a folder that can be written to with --drift-snapshot-dir",
            ) from None

    def copy(self, files: Mapping[Path, str]) -> None:
        """Copy each file to its relative name, all as of one moment: again while somebody writes to them.

        Raises:
            StoreError: There is no room, or a file cannot be read.
            StoreChanged: They were written to during every attempt.
        """
        self._refuse_without_room(sum(size for _, size, _ in fingerprint(files).values()))
        for _ in range(_ATTEMPTS):
            before = fingerprint(files)
            self._copy_once(files)
            if fingerprint(files) == before:
                return
        raise StoreChanged(
            os.path.commonpath(files),
            f"was written to while each of {_ATTEMPTS} copies was made",
            "run the review when the application is quieter",
        )

    def close(self) -> None:
        """Remove the copies."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def _copy_once(self, files: Mapping[Path, str]) -> None:
        for source, name in files.items():
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(source, target)
            except FileNotFoundError:
                target.unlink(missing_ok=True)
            except OSError as error:
                raise StoreError(source, f"cannot be copied to {self.folder} ({error.strerror})") from None

    def _refuse_without_room(self, size: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < size + HEADROOM:
            raise StoreError(
                "snapshot-dir",
                f"{self.folder.parent} has {free / 1000000.0:,.0f} MB free, a private copy of the store "
                f"needs {(size + HEADROOM) / 1000000.0:,.0f} MB",
                "name a folder with more room with --drift-snapshot-dir",
            )


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            with (folder / _LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # An empty one is about to be locked, unless its maker was killed just then.
                if lock.read() or time.time() - folder.stat().st_mtime > _YOUNG_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
