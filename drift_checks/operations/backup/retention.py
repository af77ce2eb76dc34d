"""The names of backups, and which of them are removed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drift_checks.core.errors import ArchiveError
from drift_checks.operations.backup.archive import manifest_of
from drift_checks.stores.identity import StoreIdentity

_FORM = "drift-backup-%Y%m%dT%H%M%SZ.tar.gz"
# The suffix of an unfinished backup.
ASIDE = ".tmp"
_NAME = re.compile(r"drift-backup-\d{8}T\d{6}Z\.tar\.gz", re.ASCII)


def archive_name(moment: datetime, taken: Collection[str] = ()) -> str:
    """Return the name of a backup made at that moment, or in the first second after it whose name is free."""
    while (name := moment.astimezone(UTC).strftime(_FORM)) in taken:
        moment += timedelta(seconds=1)
    return name


def moment_of(name: str) -> datetime | None:
    """Return when the backup of that name was made, in UTC; None if it is not the name of a backup."""
    if not _NAME.fullmatch(name):
        return None
    try:
        moment = datetime.strptime(name, _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if archive_name(moment) == name else None


def superfluous(names: Iterable[str], keep: int, made: str) -> list[str]:
    """Return the names of the backups to remove if `keep` are kept, the oldest first; other names are ignored.

    The one just made counts among the newest even if the clock has gone back.
    """
    others = sorted({name for name in names if moment_of(name)} - {made})
    return others[: max(0, len(others) - (keep - 1))]


def prune(folder: Path, store: StoreIdentity, keep: int, made: str) -> list[Path]:
    """Remove the oldest backups of a store, and no other file, so that `keep` stay; return the removed ones."""
    own = [path.name for path in folder.iterdir() if moment_of(path.name) and _is_of(path, store)]
    removed = []
    for name in superfluous(own, keep, made):
        with suppress(OSError):
            (folder / name).unlink()
            removed.append(folder / name)
    return removed


def _is_of(path: Path, store: StoreIdentity) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        return manifest_of(path).store == store
    except (ArchiveError, OSError):
        return False
