"""The archive of a backup: a compressed tar of plain files, written and read as a stream.

A reader trusts nothing in it: only names that a manifest may list, only plain files, and only of the size and with the
digest that the manifest gives.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

from drift_checks.core.errors import ArchiveError
from drift_checks.core.text import printable
from drift_checks.operations.backup.manifest import NAME, Manifest, Member, not_a_backup, read_manifest

_CHUNK = 1024 * 1024
# Higher levels save a few percent for twice the time.
_LEVEL = 4
_MODE = 0o600
_LARGEST_MANIFEST = 16 * _CHUNK
# More than fills up the last record of a tar.
_LONGEST_REST = _CHUNK
_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError, UnicodeError)

# Where a member is written to; None to verify it only.
Place = Callable[[str], Path | None]
_Members = Iterator[tuple[str, int, IO[bytes]]]


class _Refused(Exception):
    """An archive holds something that no backup of ours does."""


class _PlainFile(tarfile.TarInfo):
    """A header that is refused before it has any effect, unless it is that of a plain file."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or header.size < 0:
            raise _Refused(f"{printable(header.name)!r} in it is not a plain file")
        return header


def describe_file(file: Path) -> Member:
    """Return digest, size and permissions of a file."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
        status = os.fstat(opened.fileno())
    return Member(digest, status.st_size, f"{status.st_mode & 0o777:04o}")


def pack(path: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Write an archive that must not exist yet, readable by its owner only; it is on the disk when this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(handle, "wb") as raw:
        os.fchmod(handle, _MODE)
        moment = int(manifest.created.timestamp())
        compressed = gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=_LEVEL, mtime=moment)
        with compressed, tarfile.open(fileobj=compressed, mode="w|", format=tarfile.GNU_FORMAT) as tar:
            text = manifest.to_json()
            tar.addfile(_header(NAME, len(text), moment), io.BytesIO(text))
            for name, file in files.items():
                with file.open("rb") as opened:
                    tar.addfile(_header(name, manifest.members[name].bytes, moment), opened)
        raw.flush()
        os.fsync(handle)


def manifest_of(path: Path) -> Manifest:
    """Return the manifest of an archive, without reading further; raise ArchiveError if it is not a backup."""
    with _opened(path) as (_, members):
        return _first(path, members)


def unpack(path: Path, place: Place) -> Manifest:
    """Read an archive to its end and write its members into existing folders; they are valid once this returns.

    Raises:
        ArchiveError: It is not a backup, damaged, or does not match its manifest.
    """
    with _opened(path) as (stream, members):
        manifest = _first(path, members)
        missing = dict(manifest.members)
        for name, size, content in members:
            expected = missing.pop(name, None)
            if expected is None:
                raise _Refused(f"{printable(name)!r} in it is not in its manifest, or occurs twice")
            if expected.bytes != size or expected.sha256 != _write(content, place(name)):
                raise _Refused(f"{name} in it does not match its manifest: size or digest differ")
        if missing:
            raise _Refused(f"{min(missing)} is missing in it")
        if len(stream.read(_LONGEST_REST)) == _LONGEST_REST:
            raise _Refused("more follows after its end")
    return manifest


@contextmanager
def _opened(path: Path) -> Iterator[tuple[gzip.GzipFile, _Members]]:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise ArchiveError(path, f"cannot be read ({error.strerror})", "name a backup") from None
    try:
        # GzipFile checks the checksum at the end; the stream that tarfile would make does not.
        with (
            raw,
            gzip.GzipFile(fileobj=raw, mode="rb") as stream,
            tarfile.open(fileobj=stream, mode="r|", tarinfo=_PlainFile) as tar,
        ):
            yield stream, _members(tar)
    except _Refused as refused:
        raise not_a_backup(path, str(refused)) from None
    except _BROKEN as error:
        raise not_a_backup(path, f"it is damaged, cut short or of another kind: {printable(error, 200)}") from None


def _members(tar: tarfile.TarFile) -> _Members:
    while header := tar.next():
        content = tar.extractfile(header)
        assert content is not None
        yield header.name, header.size, content


def _first(path: Path, members: _Members) -> Manifest:
    name, size, content = next(members, ("", 0, io.BytesIO()))
    if name != NAME or size > _LARGEST_MANIFEST:
        raise _Refused(f"it does not begin with {NAME}")
    return read_manifest(content.read(), path)


def _write(content: IO[bytes], target: Path | None) -> str:
    """Write the content, if there is a target; return its digest."""
    digest = hashlib.sha256()
    try:
        with open(os.devnull if target is None else target, "wb") as file:  # noqa: PTH123
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
            if target is not None:
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        # The error of a full disk names no file.
        error.filename = error.filename or target
        raise
    return digest.hexdigest()


def _header(name: str, size: int, moment: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mtime, header.mode = size, moment, _MODE
    return header
