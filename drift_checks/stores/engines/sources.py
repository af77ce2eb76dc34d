"""The files that the setting `db` names."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from drift_checks.core.addresses import Location, ServerURL
from drift_checks.core.errors import StoreError
from drift_checks.core.files import refuse_special


class Format(StrEnum):
    """The format of a file that DuckDB reads."""

    CSV = "CSV"
    JSON_LINES = "JSON lines"
    PARQUET = "Parquet"
    DUCKDB = "DuckDB"


TEXTS = (Format.CSV, Format.JSON_LINES)
_SUFFIXES = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".parquet": Format.PARQUET,
    ".duckdb": Format.DUCKDB,
}
READABLE = ", ".join(_SUFFIXES)
_COMPRESSED = (".gz", ".zst")
_SQLITE, _PARQUET, _DUCKDB = b"SQLite format 3\x00", b"PAR1", b"DUCK"
# Where DuckDB's magic bytes are.
_AT = 8


@dataclass(frozen=True)
class Source:
    """Files of one format; `named` is what the user named: one of them, a folder or a glob."""

    named: Path
    format: Format
    files: tuple[Path, ...]


def require_sqlite(path: Location, purpose: str) -> Path:
    """Return the SQLite file that `db` names; raise StoreError if it names anything else: `purpose` needs one."""
    if isinstance(path, ServerURL):
        raise StoreError(path, f"is a database server, and {purpose} needs a SQLite file")
    if (source := find_source(path)) is not None:
        raise StoreError(path, f"is read as {source.format}, and {purpose} needs a SQLite file")
    return path


def is_sqlite(path: Location) -> bool:
    """Return whether `db` names a SQLite file; what is missing or cannot be read is told by its name."""
    if isinstance(path, ServerURL):
        return False
    try:
        return find_source(path) is None
    except StoreError:
        # os.path: what may not be searched counts as missing.
        return not (_suffix_of(path) or glob.has_magic(str(path)) or os.path.isdir(path))  # noqa: PTH112


def files_named(path: Location) -> Sequence[Path]:
    """Return the files that `db` names, none if it is a server; a single one may be of any kind."""
    if isinstance(path, ServerURL):
        return ()
    source = find_source(path)
    return (path,) if source is None else source.files


def folder_of(path: Path) -> Path:
    """Return the folder that holds what `db` names."""
    if path.is_dir():
        return path
    return next(folder for folder in path.parents if folder.exists() or not glob.has_magic(str(folder)))


def find_source(path: Path) -> Source | None:
    """Return the files that DuckDB reads; None for one file of another kind, which may be a SQLite file.

    Raises:
        StoreError: It names no such files, files of several formats, or a file that cannot be read.
    """
    try:
        files = _named(path)
        for file in files:
            refuse_special(file)
        formats = {file: _format_of(file) for file in files}
    except OSError as error:
        raise StoreError(error.filename or path, f"cannot be read ({error.strerror})") from None
    found = {kind: file for file, kind in formats.items() if kind is not None}
    if not found:
        _refuse_unknown(files)
        return None
    if len(found) > 1:
        names = " and ".join(file.name for file in list(found.values())[:2])
        raise StoreError(path, f"names files of several formats, such as {names}", "name one kind, as in DIR/*.csv")
    (kind,) = found
    if kind is Format.DUCKDB and len(files) > 1:
        raise StoreError(path, "names several DuckDB files", "name one of them")
    return Source(path, kind, tuple(files))


def _named(path: Path) -> Sequence[Path]:
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if _suffix_of(file) and not file.name.startswith(".")]
        if not files:
            problem = f"is a folder without any file whose name ends in {READABLE}"
            raise StoreError(path, problem, "name a folder with such files, or the SQLite file in it")
        return files
    if glob.has_magic(str(path)) and not path.exists():
        found = glob.glob(str(path), recursive=True)  # noqa: PTH207 - a path may begin with a pattern
        files = sorted(file for file in map(Path, found) if not file.is_dir())
        if not files:
            raise StoreError(path, "matches no file", "name a file, a folder or another pattern with --drift-db")
        unknown = next((file for file in files if len(files) > 1 and _suffix_of(file) is None), None)
        if unknown is not None:
            raise StoreError(path, f"matches {unknown.name}, too", f"name only files that end in {READABLE}")
        return files
    if not path.exists() and _suffix_of(path):
        raise StoreError(path, "does not exist", "name the file with --drift-db")
    return [path] if path.exists() else []


def _refuse_unknown(files: Sequence[Path]) -> None:
    for file in files:
        with file.open("rb") as opened:
            start = opened.read(len(_SQLITE))
        if start and start != _SQLITE:
            remedy = f"name a SQLite file with --drift-db, or one whose name ends in {READABLE}"
            raise StoreError(file, "is not a SQLite database", remedy)


def _suffix_of(path: Path) -> Format | None:
    name = path.name.lower()
    plain = next((name.removesuffix(end) for end in _COMPRESSED if name.endswith(end)), None)
    if plain is None:
        return _SUFFIXES.get(Path(name).suffix)
    found = _SUFFIXES.get(Path(plain).suffix)
    return found if found in TEXTS else None


def _format_of(file: Path) -> Format | None:
    """Return the format that the content shows, else that of the name."""
    with file.open("rb") as opened:
        start = opened.read(len(_SQLITE))
    if start == _SQLITE:
        return None
    if start.startswith(_PARQUET):
        return Format.PARQUET
    return Format.DUCKDB if start[_AT:].startswith(_DUCKDB) else _suffix_of(file)
