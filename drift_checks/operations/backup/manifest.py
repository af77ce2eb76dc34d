"""What a backup contains: `manifest.json`, the first member of each archive."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from drift_checks.core.errors import ArchiveError
from drift_checks.core.instants import format_instant
from drift_checks.core.plain import from_plain, read_json, to_plain
from drift_checks.core.text import printable
from drift_checks.report.history.journal import NAME as HISTORY_JOURNAL
from drift_checks.report.history.reading import NAME as HISTORY
from drift_checks.reviews.judgements.file import NAME as JUDGEMENTS
from drift_checks.stores.identity import StoreIdentity
from drift_checks.stores.vectors.catalogue import DATABASE
from drift_checks.stores.vectors.damage import SEGMENT

NAME = "manifest.json"
SCHEMA = 1
RECORDS = "records.sqlite3"
CHROMA = "chroma"
CHROMA_DATABASE = f"{CHROMA}/{DATABASE}"
# What the reports do not hold a second time.
REPORT_FILES = (HISTORY, HISTORY_JOURNAL, JUDGEMENTS)
# Names in an archive become names on a disk: these and no others.
_ALLOWED = re.compile(
    "|".join(map(re.escape, (RECORDS, *REPORT_FILES, CHROMA_DATABASE)))
    + rf"|{CHROMA}/{SEGMENT.pattern}/[A-Za-z0-9_][A-Za-z0-9_.-]{{0,60}}"
)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MODE = re.compile(r"0?[0-7]{3}")


@dataclass(frozen=True)
class Member:
    """A file in an archive: its SHA-256 in hex, its size, and its permissions in octal."""

    sha256: str
    bytes: int
    mode: str


@dataclass(frozen=True)
class Origins:
    """Where the members came from; None if they are not in the archive."""

    db: str
    chroma: str | None
    history: str | None
    history_journal: str | None = None
    judgements: str | None = None


@dataclass(frozen=True)
class Counts:
    """What the store held when it was copied; None if that is not in the archive, or cannot be counted."""

    records: int
    vectors: int | None
    runs: int | None


@dataclass(frozen=True)
class Manifest:
    """What an archive holds and where that came from; `verified` lists the checks it passed before it got its name."""

    created: datetime
    versions: dict[str, str]
    store: StoreIdentity
    sources: Origins
    counts: Counts
    members: dict[str, Member]
    verified: tuple[str, ...]

    def to_json(self) -> bytes:
        """Return it as it is written into the archive."""
        own = {"created": format_instant(self.created), "store": self.store._asdict()}
        return json.dumps({"schema": SCHEMA, **to_plain(self), **own}, indent=1).encode("ascii") + b"\n"


def is_allowed(name: str) -> bool:
    """Whether a file may have this name in an archive."""
    return _ALLOWED.fullmatch(name) is not None


def read_manifest(text: bytes, archive: Path) -> Manifest:
    """Return the manifest that a member holds; raise ArchiveError if it has a newer schema, or is not a manifest."""
    try:
        document = read_json(text)
        schema = document["schema"]
    except (ValueError, LookupError, TypeError):
        raise not_a_backup(archive, f"its {NAME} cannot be read") from None
    if isinstance(schema, int) and schema > SCHEMA:
        raise ArchiveError(
            archive,
            f"was made by a newer version of drift-checks (schema {schema}, this version reads up to {SCHEMA})",
            "restore it with that version",
        )
    try:
        if schema != SCHEMA:
            raise ValueError(f"schema {schema!r}")
        manifest = from_plain(Manifest, document)
        _refuse_invalid(manifest)
    except ValueError as error:
        raise not_a_backup(archive, f"its {NAME} is not valid: {printable(error, 200)}") from None
    return manifest


def not_a_backup(archive: Path, reason: str) -> ArchiveError:
    """Return the error for an archive that is not a backup of ours, or is damaged."""
    return ArchiveError(archive, f"is not a sound backup ({reason})", "nothing was restored, name another one")


def _refuse_invalid(manifest: Manifest) -> None:
    """Raise ValueError if a value is dangerous or contradicts another."""
    for name, member in manifest.members.items():
        if not (is_allowed(name) and _DIGEST.fullmatch(member.sha256) and _MODE.fullmatch(member.mode)):
            raise ValueError(f"the member {name!r}")
    if manifest.created.tzinfo is None:
        raise ValueError("a time without its zone")
    try:
        manifest.created.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time beyond the calendar") from None
    numbers = [member.bytes for member in manifest.members.values()] + [*asdict(manifest.counts).values()]
    if any(number is not None and number < 0 for number in numbers):
        raise ValueError("a number below 0")
    origins = asdict(manifest.sources)
    for name, origin in zip((RECORDS, CHROMA_DATABASE, *REPORT_FILES), origins.values(), strict=True):
        if (name in manifest.members) != (origin is not None):
            raise ValueError(f"{name} and where it came from")
        if origin is not None and (not origin.startswith("/") or "\0" in origin):
            raise ValueError(f"{origin!r} in place of a full path")
