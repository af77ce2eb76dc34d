"""The names of backups, and which of them may go."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drift_checks.core.errors import ArchiveError
from drift_checks.operations.backup.archive import manifest_of
from drift_checks.report.history.recorded import StoreIdentity

_FORM = "drift-backup-%Y%m%dT%H%M%SZ.tar.gz"
# As it is while it is written; it does not match the form of a whole one.
ASIDE = ".tmp"
_NAME = re.compile(r"drift-backup-\d{8}T\d{6}Z\.tar\.gz", re.ASCII)


def archive_name(moment: datetime, taken: Collection[str] = ()) -> str:
    """Return the name of a backup made at that moment, or in the first second after it whose name is not taken."""
    while (name := moment.astimezone(UTC).strftime(_FORM)) in taken:
        moment += timedelta(seconds=1)
    return name


def moment_of(name: str) -> datetime | None:
    """Return when the backup of that name was made, in UTC; None where no backup is called that."""
    if not _NAME.fullmatch(name):
        return None
    try:
        moment = datetime.strptime(name, _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if archive_name(moment) == name else None


def is_archive_name(name: str) -> bool:
    """Whether a backup may be called that."""
    return moment_of(name) is not None


def superfluous(names: Iterable[str], keep: int, made: str) -> list[str]:
    """Return the names of the backups that may go, the oldest first.

    Args:
        names: Of backups of one store; others among them stay.
        keep: So many of the newest stay, from 1.
        made: The one that was made just now, which stays and counts, whatever the clock said when others were made.
    """
    others = sorted({name for name in names if is_archive_name(name)} - {made})
    return others[: max(0, len(others) - (keep - 1))]


def prune(folder: Path, store: StoreIdentity, keep: int, made: str) -> list[Path]:
    """Remove the oldest backups of a store; a file that is none, or of another store, stays.

    Args:
        folder: Where they lie.
        store: Whose.
        keep: So many stay, from 1.
        made: The name of the one that was made just now.

    Returns:
        What was removed.
    """
    own = [path.name for path in folder.iterdir() if is_archive_name(path.name) and _is_of(path, store)]
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
