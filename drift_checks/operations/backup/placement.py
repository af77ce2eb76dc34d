"""Where the members of a backup are put, and what is in the way there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drift_checks.core.errors import ArchiveError
from drift_checks.operations.backup.manifest import CHROMA, HISTORY, RECORDS, Manifest
from drift_checks.report.history.reading import NAME as HISTORY_FILE
from drift_checks.stores.chroma import SEGMENT

# A journal that stayed beside another file than its own would be played into it.
_BESIDE = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Targets:
    """Where a backup is restored; None for what is left out.

    Attributes:
        db: The SQLite file.
        chroma: The Chroma directory.
        reports: The folder of reports, for the history.
    """

    db: Path | None
    chroma: Path | None
    reports: Path | None


@dataclass(frozen=True)
class Placement:
    """A file, or a whole folder of an index, that gets its place by one renaming.

    Attributes:
        member: The name in the archive; of a folder, what its members' names begin with.
        path: The place.
    """

    member: str
    path: Path


@dataclass(frozen=True)
class Obstacle:
    """What is in the way: a path, and what its name begins with where it is a journal beside a file."""

    path: Path
    base: Path

    def aside(self, moment: str) -> Path:
        """Return the name under which it stays; a journal goes on belonging to its file."""
        beside = self.path.name.removeprefix(self.base.name)
        return self.path.with_name(f"{self.base.name}.before-restore-{moment}{beside}")


def placements(manifest: Manifest, targets: Targets, archive: Path) -> list[Placement]:
    """Return what goes where.

    Raises:
        ArchiveError: The archive lacks it, or two would go to one place, or a place is of another kind.
    """
    found = []
    if targets.db is not None:
        _refuse_kind(targets.db, folder=False)
        found.append(Placement(RECORDS, _real(targets.db)))
    if targets.reports is not None:
        _refuse_lacking(manifest.origins.history, archive, "history of reports", "leave --history away")
        _refuse_kind(targets.reports, folder=True)
        found.append(Placement(HISTORY, _real(targets.reports) / HISTORY_FILE))
    if targets.chroma is not None:
        _refuse_lacking(manifest.origins.chroma, archive, "Chroma directory", "leave --to-chroma away")
        _refuse_kind(targets.chroma, folder=True)
        inner = {name.split("/")[1] for name in manifest.members if name.startswith(f"{CHROMA}/")}
        found += [Placement(f"{CHROMA}/{name}", _real(targets.chroma) / name) for name in sorted(inner)]
    if len({item.path for item in found}) < len(found):
        raise ArchiveError(archive, "two of its files would be put in one place", "name other places")
    return found


def belongs(name: str, item: Placement) -> bool:
    """Whether a member of an archive goes to this place, or into it."""
    return name == item.member or name.startswith(f"{item.member}/")


def sizes_of(manifest: Manifest, placed: Iterable[Placement]) -> dict[Placement, int]:
    """Return how many bytes come to each place."""
    members = manifest.members.items()
    return {item: sum(facts.size for name, facts in members if belongs(name, item)) for item in placed}


def obstacles(placed: Sequence[Placement], targets: Targets) -> list[Obstacle]:
    """Return what is in the way: the files with their journals, and every index in the Chroma directory."""
    found = [
        Obstacle(item.path.with_name(item.path.name + suffix), item.path)
        for item in placed
        for suffix in _BESIDE
        if os.path.lexists(item.path.with_name(item.path.name + suffix))
    ]
    known = {item.path for item in found}
    if targets.chroma is not None:
        with suppress(FileNotFoundError):
            indexes = (path for path in _real(targets.chroma).iterdir() if SEGMENT.fullmatch(path.name))
            found += [Obstacle(path, path) for path in sorted(indexes) if path not in known]
    return found


def holders(paths: Iterable[Path]) -> set[int]:
    """Return the processes that have one of these files open, as far as this machine tells."""
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


def _real(path: Path) -> Path:
    # SQLite keeps its journals beside the file itself, not beside a link to it.
    return path.resolve()


def _refuse_kind(path: Path, folder: bool) -> None:
    if path.exists() and path.is_dir() != folder:
        what, needed = ("a folder", "a file") if path.is_dir() else ("a file", "a folder")
        raise ArchiveError(path, f"is {what}, and {needed} is to be restored there", "name another place")


def _refuse_lacking(origin: str | None, archive: Path, what: str, remedy: str) -> None:
    if origin is None:
        raise ArchiveError(archive, f"holds no {what}", remedy)
