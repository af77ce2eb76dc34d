"""What a backup says of itself: `manifest.json`, the first member of each archive."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from drift_checks.core.errors import ArchiveError
from drift_checks.core.instants import format_instant
from drift_checks.core.text import printable
from drift_checks.report.history.recorded import StoreIdentity
from drift_checks.stores.chroma import DATABASE, SEGMENT

NAME = "manifest.json"
SCHEMA = 1
RECORDS = "records.sqlite3"
HISTORY = "history.sqlite3"
CHROMA = "chroma"
CHROMA_DATABASE = f"{CHROMA}/{DATABASE}"
# Names in an archive become names on a disk: these and no others.
_ALLOWED = re.compile(
    rf"{re.escape(RECORDS)}|{re.escape(HISTORY)}|{re.escape(CHROMA_DATABASE)}"
    rf"|{CHROMA}/{SEGMENT.pattern}/[A-Za-z0-9_][A-Za-z0-9_.-]{{0,60}}"
)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_RIGHTS = 0o777


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its SHA-256 in hex, its size in bytes, and the rights of the file that it was made of."""

    sha256: str
    size: int
    mode: int


@dataclass(frozen=True, slots=True)
class Origins:
    """Where the members came from; None for what is not in the archive."""

    db: str
    chroma: str | None
    history: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """What the store held when it was copied; None for what is not in the archive, or cannot be counted."""

    records: int
    vectors: int | None
    runs: int | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds, of which store, from when, and how that was verified.

    `versions` names what made it; `verified` has one sentence for each check that the archive passed before it got its
    name.
    """

    created: datetime
    versions: Mapping[str, str]
    store: StoreIdentity
    origins: Origins
    counts: Counts
    members: Mapping[str, Member]
    verified: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many bytes the members take, unpacked."""
        return sum(member.size for member in self.members.values())

    def to_json(self) -> bytes:
        """Return it as it stands in the archive."""
        document = {
            "schema": SCHEMA,
            "created": format_instant(self.created),
            "versions": dict(self.versions),
            "store": {"db": self.store.db, "table": self.store.table, "collection": self.store.collection},
            "sources": {"db": self.origins.db, "chroma": self.origins.chroma, "history": self.origins.history},
            "counts": {"records": self.counts.records, "vectors": self.counts.vectors, "runs": self.counts.runs},
            "members": {
                name: {"sha256": member.sha256, "bytes": member.size, "mode": f"{member.mode:04o}"}
                for name, member in self.members.items()
            },
            "verified": list(self.verified),
        }
        return json.dumps(document, indent=1).encode("ascii") + b"\n"


def is_allowed(name: str) -> bool:
    """Whether a file may have this name in an archive."""
    return _ALLOWED.fullmatch(name) is not None


def read_manifest(text: bytes, archive: Path) -> Manifest:
    """Return the manifest that the text holds.

    Args:
        text: The member, as it is.
        archive: For messages.

    Raises:
        ArchiveError: It is of a newer schema, or no manifest.
    """
    try:
        document = json.loads(text)
        schema = document["schema"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise not_a_backup(archive, f"its {NAME} cannot be read") from None
    if isinstance(schema, int) and schema > SCHEMA:
        raise ArchiveError(
            archive,
            f"was made by a newer version of drift-checks (schema {schema}, known are those up to {SCHEMA})",
            "restore it with that version",
        )
    try:
        return _manifest(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise not_a_backup(archive, f"its {NAME} is not as drift-checks writes it: {printable(error)}") from None


def not_a_backup(archive: Path, reason: str) -> ArchiveError:
    """Return the error to raise for what is no archive of ours, or no longer one."""
    return ArchiveError(archive, f"is no sound backup ({reason})", "nothing was restored. Name another one")


def _manifest(document: Mapping[str, Any]) -> Manifest:
    if document["schema"] != SCHEMA:
        raise ValueError("schema")
    store, sources, counts = document["store"], document["sources"], document["counts"]
    members = {str(name): _member(name, facts) for name, facts in document["members"].items()}
    for needed, told in ((RECORDS, True), (CHROMA_DATABASE, sources["chroma"]), (HISTORY, sources["history"])):
        if (needed in members) != (told is not None):
            raise ValueError(f"{needed} and where it came from")
    return Manifest(
        created=datetime.fromisoformat(document["created"]),
        versions={_text(name): _text(version) for name, version in document["versions"].items()},
        store=StoreIdentity(_text(store["db"]), _text(store["table"]), _text(store["collection"])),
        origins=Origins(_path(sources["db"]), _path_or_none(sources["chroma"]), _path_or_none(sources["history"])),
        counts=Counts(_whole(counts["records"]), _whole_or_none(counts["vectors"]), _whole_or_none(counts["runs"])),
        members=members,
        verified=tuple(_text(sentence) for sentence in document["verified"]),
    )


def _member(name: str, facts: Mapping[str, Any]) -> Member:
    digest, mode = _text(facts["sha256"]), int(_text(facts["mode"]), 8)
    if not is_allowed(name):
        raise ValueError(f"the member {name!r}")
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"sha256 of {name}")
    return Member(digest, _whole(facts["bytes"]), mode & _RIGHTS)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} in place of a text")
    return value


def _path(value: object) -> str:
    text = _text(value)
    if not text.startswith("/") or "\0" in text:
        raise ValueError(f"{text!r} in place of a full path")
    return text


def _path_or_none(value: object) -> str | None:
    return None if value is None else _path(value)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} in place of a number")
    return value


def _whole_or_none(value: object) -> int | None:
    return None if value is None else _whole(value)
