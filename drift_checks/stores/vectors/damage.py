"""The files of a Chroma directory, and what tells their damage from other errors, without chromadb."""

from __future__ import annotations

import re
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

from drift_checks.core.errors import StoreError
from drift_checks.core.text import printable
from drift_checks.stores.engines.sqlite import files_of
from drift_checks.stores.vectors.catalogue import DATABASE

SEGMENT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LONGEST_REASON = 300
# The header of an hnswlib index: version, offset, capacity, elements, bytes of an element, and 64 more bytes.
_HEADER = struct.Struct("<i4Q64x")


def index_files(directory: Path) -> list[Path]:
    """Return the index files of a Chroma directory; raise StoreError if it cannot be read."""
    try:
        folders = [found for found in directory.iterdir() if found.is_dir() and SEGMENT.fullmatch(found.name)]
        return [file for folder in sorted(folders) for file in sorted(folder.iterdir()) if file.is_file()]
    except OSError as error:
        raise StoreError(error.filename or directory, f"cannot be read ({error.strerror})") from None


def files_in(directory: Path) -> dict[Path, str]:
    """Return the database and index files, each with its relative path."""
    database = files_of(directory / DATABASE)
    try:
        files = [file for file in database if file.exists()]
    except OSError as error:
        raise StoreError(error.filename or directory, f"cannot be read ({error.strerror})") from None
    files += index_files(directory)
    return {file: str(file.relative_to(directory)) for file in files}


def cut_short(header: Path) -> str | None:
    """Say whether an index is shorter than its header: Chroma's core would read past its end and crash the process."""
    start = header.read_bytes()[: _HEADER.size]
    if start and len(start) < _HEADER.size:
        return "header.bin of an index is cut short"
    if start:
        *_, elements, element_bytes = _HEADER.unpack(start)
        level = header.with_name("data_level0.bin")
        if level.exists() and level.stat().st_size < elements * element_bytes:
            return f"{level.name} of an index is cut short"
    return None


def damage_in(database: Path) -> str | None:
    """Return what SQLite finds wrong with a database that nobody else uses, None if nothing."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except (sqlite3.OperationalError, MemoryError):
        # No damage is reported like this.
        return None
    except sqlite3.Error as error:
        found = str(error)
    return None if found == "ok" else printable(found, LONGEST_REASON)


def damaged(directory: Path, reason: str) -> StoreError:
    """Return the error for a directory that is damaged."""
    return StoreError(
        directory,
        f"Chroma cannot read this directory ({reason}), so it is damaged",
        "restore it from a backup, or name another one with --drift-chroma=DIR",
    )
