"""Files: plain ones told from pipes and devices, locks, and atomic replacement."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

Lockable = int | IO[str] | IO[bytes]

_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def refuse_special(path: Path) -> None:
    """Raise OSError unless the path, links followed, is a plain file: opening a named pipe waits for its writer."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    for is_special, name in _SPECIAL:
        if is_special(mode):
            raise OSError(errno.EINVAL, f"it is {name}, not a file", str(path))


def read_plain(path: Path, encoding: str = "utf-8") -> str:
    """Return the text of a plain file; raise OSError for anything else, UnicodeDecodeError for another encoding."""
    refuse_special(path)
    return path.read_text(encoding=encoding)


def lock(file: Lockable) -> None:
    """Take the exclusive lock of an open file or folder (flock(2)), waiting for its holder."""
    fcntl.flock(file, fcntl.LOCK_EX)


def try_lock(file: Lockable) -> bool:
    """Take the exclusive lock of an open file or folder (flock(2)) and return True, or False if it is taken."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, waiting for its holder; this needs no lock file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        lock(handle)
        yield
    finally:
        os.close(handle)


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that readers see either the old content or the new, even after a power cut.

    Writers of the same file must hold a lock. On an OSError, an existing file is unchanged.
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
    """Flush the entries of a folder to the disk (fsync(2))."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
