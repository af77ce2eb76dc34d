"""Files that several processes share: locks, and replacement that is whole or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

Lockable = int | IO[str] | IO[bytes]


def lock(file: Lockable) -> None:
    """Take the exclusive lock of an open file or folder (flock(2)), waiting for whoever holds it."""
    fcntl.flock(file, fcntl.LOCK_EX)


def try_lock(file: Lockable) -> bool:
    """Take the exclusive lock of an open file or folder (flock(2)); False if somebody else holds it.

    Raises:
        OSError: The file system has no locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, waiting for whoever holds it; no lock file is left over."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        lock(handle)
        yield
    finally:
        os.close(handle)


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that readers see the old content or the new one, also after a power cut.

    Args:
        path: The file; an existing one is replaced.
        content: What it will hold.
        mode: Its permissions.

    Raises:
        OSError: It cannot be written; an existing file stays as it is.
    """
    aside = path.with_name(f".{path.name}.tmp")
    try:
        with aside.open("wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Have the names in a folder reach the disk (fsync(2)).

    Raises:
        OSError: The disk reports an error.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
