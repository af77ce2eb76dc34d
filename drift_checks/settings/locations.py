"""The kinds of settings that say where something is: files, stores, endpoints, pages, clusters."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from drift_checks.core.addresses import HTTP, Location, ServerURL
from drift_checks.core.masking import mask_password, mask_url, may_hold_password
from drift_checks.settings.kinds import NONE, Kind, Mistaken

# Of Dask.
_SCHEDULERS = ("tcp", "tls", "ucx", "ws", "wss")
_HOST_AND_PORT = re.compile(r"[\w.-]+:\d{2,5}")
# What SQLAlchemy calls the files that are named by their path here.
_FILE_SCHEMES = ("sqlite", "duckdb", "file")


def path(what: str) -> Kind[Path]:
    """Return the kind of paths to `what`: made absolute, links not followed."""

    def parse(text: str, folder: Path) -> Path:
        if not text or "://" in text:
            raise ValueError
        try:
            found = Path(os.path.normpath(folder / Path(text).expanduser()))
        except RuntimeError as error:
            raise ValueError from error
        # Later messages repeat a path as it is. Few files have a name like `user:password@host`.
        if may_hold_password(text) and not os.path.lexists(found):
            raise ValueError
        return found

    return Kind(parse, f"the path of {what}")


def path_or_none(what: str) -> Kind[Path | None]:
    """Return the kind of paths to `what`, or `none`."""
    named = path(what)

    def parse(text: str, folder: Path) -> Path | None:
        return None if text == NONE else named.parse(text, folder)

    return Kind(parse, f"{named.allowed}, or {NONE}")


def records_location() -> Kind[Location]:
    """Return the kind of locations of records: a path, or the URL of a database server."""
    file = path("a SQLite, CSV, JSON lines, Parquet or DuckDB file")

    def parse(text: str, folder: Path) -> Location:
        if "://" not in text:
            return file.parse(text, folder)
        url = _server(text)
        if url.scheme in HTTP:
            raise Mistaken("name a Chroma server with --drift-chroma=URL")
        if url.scheme in _FILE_SCHEMES:
            raise Mistaken("name the file itself, as in --drift-db=records.db")
        return url

    return Kind(
        parse, f"{file.allowed}, or the URL of a database, as in postgresql://user@host/database", shown=_shown_location
    )


def vectors_location() -> Kind[Location | None]:
    """Return the kind of locations of vectors: a path, the URL of a Chroma server, or `none`."""
    directory = path_or_none("a Chroma directory")

    def parse(text: str, folder: Path) -> Location | None:
        if "://" not in text:
            if _HOST_AND_PORT.fullmatch(text) and not os.path.lexists(folder / text):
                raise Mistaken(f"did you mean 'http://{text}'?")
            return directory.parse(text, folder)
        url = _server(text)
        if url.scheme not in HTTP:
            raise Mistaken("name a database with --drift-db=URL")
        if not url.host:
            raise ValueError
        return url

    allowed = "the path of a Chroma directory, the URL of a Chroma server, as in http://host:8000, or none"
    return Kind(parse, allowed, shown=_shown_location)


def _server(text: str) -> ServerURL:
    try:
        return ServerURL.parse(text)
    except ValueError as error:
        raise Mistaken(str(error)) from error


def _shown_location(text: str) -> str:
    """Return a location as it may be shown: a URL without its secrets, or what looks like one without most of it."""
    try:
        return ServerURL.parse(text).public
    except ValueError:
        return mask_password(text)


def address() -> Kind[str]:
    """Return the kind of URLs of an HTTP endpoint, which must not contain secrets."""

    def parse(text: str, _: Path) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError
        if parts.query or parts.fragment or parts.port == 0:
            raise ValueError
        return text.rstrip("/")

    return Kind(parse, "a URL such as https://host/v1, without user, password or query", shown=mask_url)


def record_address() -> Kind[str]:
    """Return the kind of URLs of one record, in which `{id}` stands for its id."""

    def parse(text: str, _: Path) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or set("@{}") & set(parts.netloc):
            raise ValueError
        if "{id}" not in text:
            raise ValueError
        return text

    return Kind(parse, "a URL with {id} in its path or query, such as https://host/item/{id}, without user or password")


def cluster(*words: str) -> Kind[str | None]:
    """Return the kind of Dask clusters: one of a few words, the address of a scheduler, or none."""

    def parse(text: str, _: Path) -> str | None:
        if text in words:
            return text
        if text == NONE:
            return None
        parts = urlsplit(text)
        if parts.scheme not in _SCHEDULERS or not parts.hostname or not parts.port or "@" in parts.netloc:
            raise ValueError
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError
        return text.rstrip("/")

    allowed = f"{', '.join(words)}, none, or the address of a scheduler with its port, such as tcp://scheduler:8786"
    return Kind(parse, allowed, lambda: (*words, NONE), shown=mask_url)
