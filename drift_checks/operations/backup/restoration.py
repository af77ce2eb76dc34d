"""Restoring a backup: verified and unpacked beside its place, then put there by renaming, all of it or nothing."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drift_checks.core.errors import ArchiveError, RunInProgress
from drift_checks.operations.backup.archive import manifest_of, unpack
from drift_checks.operations.backup.disk import refuse_without_room, settle
from drift_checks.operations.backup.manifest import Manifest
from drift_checks.operations.backup.placement import (
    Obstacle,
    Placement,
    Targets,
    belongs,
    holders,
    obstacles,
    placements,
    sizes_of,
)
from drift_checks.report.folder import ReportsFolder

_ASIDE = ".drift-restore-"


@dataclass(frozen=True)
class Restored:
    """What was restored, or would be.

    Attributes:
        manifest: Of the archive.
        placed: What went where.
        moved: What was in the way, and its name now.
    """

    manifest: Manifest
    placed: list[Placement]
    moved: dict[Path, Path]


def rehearse(archive: Path, targets: Targets, now: datetime) -> Restored:
    """Verify an archive and tell what its restoring would do, which nothing is written for.

    Raises:
        ArchiveError: It is no sound backup, or cannot be restored there.
    """
    with _told(archive):
        manifest = unpack(archive, lambda _: lambda _: None)
        placed = placements(manifest, targets, archive)
        return Restored(manifest, placed, _names_aside(obstacles(placed, targets), now))


def restore(archive: Path, targets: Targets, force: bool, now: datetime) -> Restored:
    """Put what an archive holds in its place.

    Args:
        archive: The backup.
        targets: Where it goes.
        force: Whether what is there may be moved aside.
        now: The moment, which becomes part of the names of what is moved aside.

    Raises:
        ArchiveError: It is no sound backup, something is in the way, or it cannot be written; all is as it was.
        RunInProgress: Another program has what is to be replaced open, or another restoring or a review is under way.
    """
    made: list[Path] = []
    try:
        with _told(archive), ExitStack() as held:
            manifest = manifest_of(archive)
            placed = placements(manifest, targets, archive)
            in_the_way = obstacles(placed, targets)
            _refuse_obstacles(in_the_way, force)
            for folder in sorted({item.path.parent for item in placed}):
                made += _make(folder)
                held.enter_context(_held(folder))
            if targets.reports is not None:
                reports = ReportsFolder(targets.reports)
                held.callback(reports.release)
            _put(archive, manifest, placed, moves := _names_aside(in_the_way, now), held)
        return Restored(manifest, placed, moves)
    finally:
        # Those that were made and are still empty: nothing came to be in them.
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()


def _put(
    archive: Path, manifest: Manifest, placed: Sequence[Placement], moves: dict[Path, Path], held: ExitStack
) -> None:
    sizes = sizes_of(manifest, placed)
    refuse_without_room((item.path.parent, size, item.path.name) for item, size in sizes.items())
    asides = {folder: _aside(folder, held) for folder in {item.path.parent for item in placed}}
    staged = {item: asides[item.path.parent] / item.path.name for item in placed}

    def place(name: str) -> Path | None:
        for item, path in staged.items():
            if name == item.member:
                return path
            if belongs(name, item):
                path.mkdir(exist_ok=True)
                return path / name.rpartition("/")[2]
        return None

    told = unpack(archive, lambda _: place)
    if told != manifest:
        raise ArchiveError(archive, "was replaced while it was read", "give the command again")
    for item, path in staged.items():
        _give_rights(item, path, manifest)
    _rename_all([*moves.items(), *((path, item.path) for item, path in staged.items())])


@contextmanager
def _told(archive: Path) -> Iterator[None]:
    """Tell in a sentence what the system refuses."""
    try:
        yield
    except OSError as error:
        raise ArchiveError(
            error.filename or archive,
            f"cannot be restored ({error.strerror}), and all is as it was",
            "make room and give the right to write there, or name another place",
        ) from None


def _refuse_obstacles(found: Sequence[Obstacle], force: bool) -> None:
    if found and not force:
        names = ", ".join(str(item.path) for item in found[:3])
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise ArchiveError(
            f"{names}{more}",
            "there already",
            "name other places with --to-db, --to-chroma and --history DIR, or have what is there "
            "moved aside with --force",
        )
    if pids := holders(item.path for item in found):
        raise RunInProgress(
            found[0].path.parent,
            f"process {min(pids)} has what is to be replaced open, and would go on writing to it",
            "end the application first",
        )


def _names_aside(found: Sequence[Obstacle], now: datetime) -> dict[Path, Path]:
    """Return names that nothing has yet."""
    while True:
        moment = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        names = {item.path: item.aside(moment) for item in found}
        if not any(map(os.path.lexists, names.values())):
            return names
        now += timedelta(seconds=1)


def _rename_all(moves: Sequence[tuple[Path, Path]]) -> None:
    """Rename all of them, or none."""
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            source.rename(target)
            done.append((source, target))
        for folder in {target.parent for _, target in moves}:
            settle(folder)
    except BaseException:
        for source, target in reversed(done):
            with suppress(OSError):
                target.rename(source)
        raise


def _give_rights(item: Placement, staged: Path, manifest: Manifest) -> None:
    """Give what is restored the rights and owner of what it replaces, else the rights it had, its folder's owner."""
    folder = item.path.parent.stat()
    replaced = item.path.stat() if item.path.exists() else None
    for path in [staged, *staged.glob("*")]:
        if path.is_dir():
            mode = stat.S_IMODE((replaced or folder).st_mode) & 0o777
        elif replaced is not None and path == staged:
            mode = stat.S_IMODE(replaced.st_mode)
        else:
            inner = "" if path == staged else f"/{path.name}"
            mode = manifest.members[f"{item.member}{inner}"].mode
        owner = replaced or folder
        if os.geteuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)
        path.chmod(mode)


def _make(folder: Path) -> list[Path]:
    """Make a folder and those above it, with the owner of the one they are in; return those that were made."""
    missing = [path for path in [folder, *folder.parents] if not path.exists()][::-1]
    for path in missing:
        path.mkdir(exist_ok=True)
        above = path.parent.stat()
        if os.geteuid() == 0:
            os.chown(path, above.st_uid, above.st_gid)
    return missing


def _aside(folder: Path, held: ExitStack) -> Path:
    """Return a folder in this one, on the same disk, that is gone at the end."""
    for left in folder.glob(f"{_ASIDE}*"):
        shutil.rmtree(left, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=folder))
    held.callback(shutil.rmtree, aside, ignore_errors=True)
    return aside


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder against another restoring, without leaving a file in it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise RunInProgress(folder, "another backup is being restored there", "wait for it") from None
    finally:
        os.close(handle)
