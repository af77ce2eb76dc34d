"""Private copies of a store's files, for stores that cannot be read in place without writing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import platformdirs

from drift_checks.core.errors import StoreChanged, StoreError
from drift_checks.core.files import MEBIBYTE, lock, open_plain, refuse_special, try_lock
from drift_checks.core.text import readable_size

_PREFIX = "snapshot-"
_LOCK = "lock"
_ATTEMPTS = 5
_PIECE = 8 * MEBIBYTE
# A copy is opened for writing, which needs additional room.
HEADROOM = 16 * 1024 * 1024
_REMEDY = "name a writable folder with --drift-snapshot-dir"

Fingerprint = Mapping[Path, tuple[int, int, int]]


def default_folder() -> Path:
    """Return the default folder for snapshots, in the system's cache; raise StoreError without a home folder."""
    try:
        return Path(platformdirs.user_cache_dir("drift-checks")) / "snapshots"
    except RuntimeError:
        raise StoreError("snapshot-dir", "is not set, and this user has no home folder for a cache", _REMEDY) from None


def fingerprint(files: Iterable[Path]) -> Fingerprint:
    """Return inode, size and modification time of the files that exist, which change if one is written."""
    stats = {}
    for file in files:
        try:
            status = file.stat()
        except FileNotFoundError:
            continue
        stats[file] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return stats


class Snapshot:
    """A private folder with copies of files, removed when it is closed.

    Each folder holds a lock file, which its process keeps locked: creating a snapshot removes the folders that killed
    processes left behind. A folder gets its name once its lock is held, so it never looks abandoned.

    Raises:
        StoreError: It cannot be created.
    """

    def __init__(self, parent: Path) -> None:
        try:
            parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(parent)
            unnamed = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=parent))
            self._lock: IO[str] = (unnamed / _LOCK).open("w")
            lock(self._lock)
            self.folder = unnamed.rename(parent / unnamed.name.removeprefix("."))
        except OSError as error:
            raise StoreError(
                "snapshot-dir", f"no private copy of the store can be made in {parent} ({error.strerror})", _REMEDY
            ) from None

    def copy(self, files: Mapping[Path, str]) -> None:
        """Copy each file to its relative name, all as of one moment; retry if they are written to.

        Raises:
            StoreError: There is not enough room, or a file cannot be read.
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
            f"was written to during each of {_ATTEMPTS} attempts to copy it",
            "run the review when the application writes less",
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
                with open_plain(source) as file, target.open("wb") as copy:
                    _copy_content(file, copy)
            except FileNotFoundError:
                target.unlink(missing_ok=True)
            except OSError as error:
                raise StoreError(source, f"cannot be copied to {self.folder} ({error.strerror})") from None

    def _refuse_without_room(self, size: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < size + HEADROOM:
            raise StoreError(
                "snapshot-dir",
                f"{self.folder.parent} has {readable_size(free)} free, and a private copy of the store needs"
                f" {readable_size(size + HEADROOM)}",
                "name a folder with more room with --drift-snapshot-dir",
            )


def _copy_content(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy the content in pieces, so that a signal ends it."""
    if hasattr(os, "copy_file_range"):
        # The kernel copies, or shares the blocks, unless the file systems cannot; then the rest is copied as elsewhere.
        with suppress(OSError):
            while os.copy_file_range(source.fileno(), target.fileno(), _PIECE):
                pass
    shutil.copyfileobj(source, target, _PIECE)


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        # A folder without this file may belong to the user.
        with suppress(OSError):
            refuse_special(folder / _LOCK)
            with (folder / _LOCK).open() as file:
                if try_lock(file):
                    shutil.rmtree(folder, ignore_errors=True)
