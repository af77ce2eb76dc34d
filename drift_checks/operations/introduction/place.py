"""Where a user's store lies: the SQLite file that a path names, and the Chroma directory beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from drift_checks.core.addresses import Location, ServerURL
from drift_checks.core.errors import DriftError, SettingError
from drift_checks.settings.declarations import Settings, declared
from drift_checks.settings.loading import Origin, parse, with_password
from drift_checks.stores.engines.snapshot import default_folder
from drift_checks.stores.engines.sqlite import SqliteFile
from drift_checks.stores.vectors.catalogue import DATABASE, list_collections
from drift_checks.stores.vectors.chroma_server import ChromaServer

_SUFFIXES = (".db", ".sqlite", ".sqlite3", ".db3")


class Vectors(NamedTuple):
    """A Chroma directory or server with the names of its collections, the one of the records, and why none is."""

    place: Location
    collections: tuple[str, ...]
    collection: str | None = None
    problem: str = ""
    remedy: str = ""


def find_database(text: str) -> Location:
    """Return what the user means: the path or URL itself, or the only SQLite file in a folder, if it has any.

    Raises:
        SettingError: There are several.
    """
    setting = next(setting for setting in declared() if setting.key == "db")
    path = parse(setting, Origin(text, "the argument", Path.cwd()))
    assert isinstance(path, Location)
    if isinstance(path, ServerURL):
        return with_password(path, os.environ)
    if not path.is_dir():
        return path
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES and file.name != DATABASE)
    if len(found) == 1:
        return found[0]
    if not found:
        # It may hold files of another format, which are read together.
        return path
    raise SettingError(path, f"has {len(found)} SQLite files: {', '.join(file.name for file in found)}", "name one")


def find_vectors(db: Location, settings: Settings) -> Vectors | None:
    """Return the Chroma that the user named, or the only directory of it in the file's folder or one below it.

    Raises:
        StoreError: The server that the user named cannot be read.
    """
    if isinstance(settings.chroma, ServerURL):
        with ChromaServer(settings.chroma, settings.query_timeout) as server:
            return Vectors(settings.chroma, server.collections(settings.chroma_tenant, settings.chroma_database))
    if settings.chroma is not None:
        return _vectors(settings.chroma)
    if isinstance(db, ServerURL):
        return None
    for place in (db, db.parent) if db.is_dir() else (db.parent,):
        found = [vectors for folder in _folders(place) if (vectors := _vectors(folder)) is not None]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _folders(folder: Path) -> Iterator[Path]:
    yield folder
    with suppress(OSError):
        yield from sorted(path for path in folder.iterdir() if path.is_dir())


def _vectors(directory: Path) -> Vectors | None:
    try:
        if not (directory / DATABASE).is_file():
            return None
        file = SqliteFile(directory / DATABASE, default_folder())
        try:
            found = file.read(list_collections)
        finally:
            file.close()
    except (OSError, DriftError):
        return None
    return Vectors(directory, tuple(dict.fromkeys(item.name for item in found)))
