"""Files: plain ones told from pipes and devices, locks, and atomic replacement."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import IO, Self

Lockable = int | IO[str] | IO[bytes]
MEBIBYTE = 1024 * 1024
# A line with a review or an alert takes some kilobytes; its longest texts are cut.
LONGEST_LINE = 4 * MEBIBYTE
_LARGEST_TEXT = 4 * MEBIBYTE


_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def refuse_special(path: Path) -> None:
    """Raise OSError unless the path, links followed, is a plain file: opening a named pipe waits for its writer."""
    _check_plain(path.stat().st_mode, path)


@contextmanager
def open_plain(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading that others may have put there; raise OSError if it is not a plain file."""
    refuse_special(path)
    # Without waiting, since a named pipe may have taken its place.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:  # noqa: PTH123
        _check_plain(os.fstat(handle).st_mode, path)
        yield file


def read_plain(path: Path, most: int) -> bytes:
    """Return the content of a plain file; raise OSError also if it has more than `most` bytes."""
    with open_plain(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most // MEBIBYTE} MiB", str(path))
    return content


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """Return the text of a plain file of at most 4 MiB; raise OSError or UnicodeDecodeError for any other."""
    return TextIOWrapper(BytesIO(read_plain(path, _LARGEST_TEXT)), encoding).read()


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a plain file, without their ends; an empty one for each that is longer than LONGEST_LINE."""
    with open_plain(path) as file:
        while line := file.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = file.readline(LONGEST_LINE)
                line = b""
            yield line.rstrip(b"\r\n")


def _check_plain(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    for is_special, name in _SPECIAL:
        if is_special(mode):
            raise OSError(errno.EINVAL, f"it is {name}, not a file", str(path))


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
        write_new(aside, content, mode)
        aside.replace(path)
    except OSError:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file in place of whatever has its name, such as a link; it is on the disk when this returns."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with open(handle, "wb") as file:  # noqa: PTH123
        os.fchmod(handle, mode)
        file.write(content)
        file.flush()
        os.fsync(handle)


def make_folder(path: Path) -> None:
    """Create a folder and its parents unless they exist; they are on the disk when this returns."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk (fsync(2))."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Claims:
    """Names that one owner at a time holds, on an open lock file; the system releases those of a dead process."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        # The system knows which process holds a name, but not which owner in it.
        self._owners: dict[str, str] = {}

    def take(self, name: str, owner: str = "") -> bool:
        """Hold the name until it is released; return False if another owner or process holds it."""
        if name in self._owners:
            return self._owners[name] == owner
        try:
            self._lock(name, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise
        self._owners[name] = owner
        return True

    def release(self, name: str, owner: str = "") -> None:
        """Let others take the name, if this owner holds it."""
        if self._owners.get(name) == owner:
            del self._owners[name]
            self._lock(name, fcntl.LOCK_UN)

    def _lock(self, name: str, how: int) -> None:
        # One byte for each name, beyond the end of the empty file.
        place = int.from_bytes(sha256(name.encode("utf-8", "surrogatepass")).digest()[:7])
        fcntl.lockf(self._file, how, 1, place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
