"""Where the members of a backup are restored to, and what is in the way there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drift_checks.core.errors import ArchiveError
from drift_checks.operations.backup.manifest import CHROMA, RECORDS, REPORT_FILES, Manifest
from drift_checks.report.history.journal import NAME as HISTORY_JOURNAL
from drift_checks.stores.vectors.damage import SEGMENT

# SQLite would replay another file's journal into the restored one.
_BESIDE = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Targets:
    """Where a backup is restored to, None for what is left out; history and judgements go into the folder `reports`."""

    db: Path | None
    chroma: Path | None
    reports: Path | None


@dataclass(frozen=True)
class Placement:
    """A file or the folder of an index, put in place by one rename; `member` is its name or prefix in the archive."""

    member: str
    path: Path


@dataclass(frozen=True)
class Obstacle:
    """A path that is in the way, and the file it belongs to if it is a journal."""

    path: Path
    base: Path

    def aside(self, moment: str) -> Path:
        """Return its name once it is moved aside; a journal keeps belonging to its file."""
        suffix = self.path.name.removeprefix(self.base.name)
        return self.path.with_name(f"{self.base.name}.before-restore-{moment}{suffix}")


def placements(manifest: Manifest, targets: Targets, archive: Path) -> list[Placement]:
    """Return what goes where; raise ArchiveError if the archive does not contain it, or it cannot go there."""
    found = []
    # SQLite keeps a journal beside the file itself, not beside a link to it: hence resolved paths.
    if targets.db is not None:
        _refuse_kind(targets.db, folder=False)
        found.append(Placement(RECORDS, targets.db.resolve()))
    if targets.reports is not None:
        names = [name for name in REPORT_FILES if name in manifest.members]
        if not names:
            raise ArchiveError(archive, "contains no history of reports", "omit --history")
        _refuse_kind(targets.reports, folder=True)
        found += [Placement(name, targets.reports.resolve() / name) for name in names]
    if targets.chroma is not None:
        if manifest.sources.chroma is None:
            raise ArchiveError(archive, "contains no Chroma directory", "omit --to-chroma")
        _refuse_kind(targets.chroma, folder=True)
        inner = {name.split("/")[1] for name in manifest.members if name.startswith(f"{CHROMA}/")}
        found += [Placement(f"{CHROMA}/{name}", targets.chroma.resolve() / name) for name in sorted(inner)]
    if len({item.path for item in found}) < len(found):
        raise ArchiveError(archive, "two of its files would be put in one place", "name other places")
    return found


def belongs(name: str, item: Placement) -> bool:
    """Whether a member of an archive goes to this place, or into it."""
    return name == item.member or name.startswith(f"{item.member}/")


def sizes_of(manifest: Manifest, placed: Iterable[Placement]) -> dict[Placement, int]:
    """Return the size of what goes to each place."""
    members = manifest.members.items()
    return {item: sum(member.bytes for name, member in members if belongs(name, item)) for item in placed}


def obstacles(placed: Sequence[Placement], targets: Targets) -> list[Obstacle]:
    """Return what is in the way: files with their journals, and indexes and journals of the history that would stay.

    Those would not belong to what is restored beside them.
    """
    beside = [(item.path.with_name(item.path.name + suffix), item.path) for item in placed for suffix in _BESIDE]
    found = [Obstacle(path, base) for path, base in beside if os.path.lexists(path)]
    others: list[Path] = []
    if targets.chroma is not None:
        with suppress(FileNotFoundError):
            others += sorted(path for path in targets.chroma.resolve().iterdir() if SEGMENT.fullmatch(path.name))
    if targets.reports is not None:
        others += [path for path in [targets.reports.resolve() / HISTORY_JOURNAL] if os.path.lexists(path)]
    known = {item.path for item in placed}
    return found + [Obstacle(path, path) for path in others if path not in known]


def holders(paths: Iterable[Path]) -> set[int]:
    """Return the processes that have one of these files open, as far as this machine shows them."""
    wanted = {(status.st_dev, status.st_ino) for path in _files(paths) for status in [path.stat()]}
    return {pid for pid in _processes() if pid != os.getpid() and wanted & set(_open_files(pid))}


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (inner for inner in path.iterdir() if inner.is_file())
        elif path.is_file():
            yield path


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    except OSError:
        return []


def _open_files(pid: int) -> Iterator[tuple[int, int]]:
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208
            with suppress(OSError):
                status = os.stat(f"/proc/{pid}/fd/{name}")  # noqa: PTH116
                yield status.st_dev, status.st_ino


def _refuse_kind(path: Path, folder: bool) -> None:
    if path.exists() and path.is_dir() != folder:
        found, needed = ("a folder", "a file") if path.is_dir() else ("a file", "a folder")
        raise ArchiveError(path, f"is {found}, and {needed} is to be restored there", "name another place")
