"""Restoring a backup: verified and unpacked beside its place, then renamed into it, all or nothing."""

from __future__ import annotations

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
from drift_checks.core.files import sync_folder, try_lock
from drift_checks.operations.backup.archive import manifest_of, unpack
from drift_checks.operations.backup.disk import refuse_without_room
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
# The archive may name wider ones: texts are for their owner and its group.
_WIDEST_FILE, _WIDEST_FOLDER = 0o640, 0o750


@dataclass(frozen=True)
class Restored:
    """What was restored, or would be; `moved` maps what was in the way to its new name."""

    manifest: Manifest
    placed: list[Placement]
    moved: dict[Path, Path]


def rehearse(archive: Path, targets: Targets, now: datetime) -> Restored:
    """Verify an archive and return what restoring it would do; nothing is written. Errors as for `restore`."""
    with _explained(archive):
        manifest = unpack(archive, lambda _: None)
        placed = placements(manifest, targets, archive)
        return Restored(manifest, placed, _names_aside(obstacles(placed, targets), now))


def restore(archive: Path, targets: Targets, force: bool, now: datetime) -> Restored:
    """Restore an archive; with `force`, move aside what is in the way, to names that contain the time.

    Raises:
        ArchiveError: It is not a sound backup, something is in the way, or it cannot be written; nothing has changed.
        RunInProgress: Another program has a file to be replaced open, or another restore or a review is running.
    """
    created: list[Path] = []
    try:
        with _explained(archive), ExitStack() as held:
            manifest = manifest_of(archive)
            placed = placements(manifest, targets, archive)
            in_the_way = obstacles(placed, targets)
            _refuse_obstacles(in_the_way, force)
            for folder in sorted({item.path.parent for item in placed}):
                created += _create(folder)
                held.enter_context(_locked(folder))
            if targets.reports is not None:
                reports = ReportsFolder(targets.reports)
                held.callback(reports.release)
            _put(archive, manifest, placed, moves := _names_aside(in_the_way, now), held)
        return Restored(manifest, placed, moves)
    finally:
        # Only empty ones go: nothing was restored into them.
        for folder in reversed(created):
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

    if unpack(archive, place) != manifest:
        raise ArchiveError(archive, "was replaced while it was read", "run the command again")
    for item, path in staged.items():
        _set_rights(item, path, manifest)
    _rename_all([*moves.items(), *((path, item.path) for item, path in staged.items())])


@contextmanager
def _explained(archive: Path) -> Iterator[None]:
    """Turn an error of the system into a sentence."""
    try:
        yield
    except OSError as error:
        raise ArchiveError(
            error.filename or archive,
            f"cannot be restored ({error.strerror}), and nothing has changed",
            "make room and give this user the right to write there, or name another place",
        ) from None


def _refuse_obstacles(found: Sequence[Obstacle], force: bool) -> None:
    if found and not force:
        names = ", ".join(str(item.path) for item in found[:3])
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise ArchiveError(
            f"{names}{more}",
            "already there",
            "name other places with --to-db, --to-chroma and --history DIR, or move what is there aside with --force",
        )
    if pids := holders(item.path for item in found):
        raise RunInProgress(
            found[0].path.parent,
            f"process {min(pids)} has a file to be replaced open, and would go on writing to it",
            "stop the application first",
        )


def _names_aside(found: Sequence[Obstacle], now: datetime) -> dict[Path, Path]:
    """Return names that are free."""
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
            sync_folder(folder)
    except BaseException:
        for source, target in reversed(done):
            with suppress(OSError):
                target.rename(source)
        raise


def _set_rights(item: Placement, staged: Path, manifest: Manifest) -> None:
    """Give a restored file the owner and mode of the file it replaces, else its folder's owner and its own mode.

    Modes of the archive are narrowed: nothing in it is for everybody, or executable.
    """
    folder = item.path.parent.stat()
    replaced = item.path.stat() if item.path.exists() else None
    for path in [staged, *staged.glob("*")]:
        if path.is_dir():
            mode = stat.S_IMODE((replaced or folder).st_mode) & _WIDEST_FOLDER
        elif replaced is not None and path == staged:
            mode = stat.S_IMODE(replaced.st_mode) & 0o777
        else:
            inner = "" if path == staged else f"/{path.name}"
            mode = int(manifest.members[f"{item.member}{inner}"].mode, 8) & _WIDEST_FILE
        owner = replaced or folder
        if os.geteuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)
        path.chmod(mode)


def _create(folder: Path) -> list[Path]:
    """Create a folder and those above it, with the owner of the one they are in; return the new ones."""
    missing = [path for path in [folder, *folder.parents] if not path.exists()][::-1]
    for path in missing:
        path.mkdir(exist_ok=True)
        above = path.parent.stat()
        if os.geteuid() == 0:
            os.chown(path, above.st_uid, above.st_gid)
    return missing


def _aside(folder: Path, held: ExitStack) -> Path:
    """Return a temporary folder in this one, and so on the same disk."""
    for left in folder.glob(f"{_ASIDE}*/"):
        shutil.rmtree(left, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=folder))
    held.callback(shutil.rmtree, aside, ignore_errors=True)
    return aside


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; no lock file is left over."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not try_lock(handle):
            raise RunInProgress(folder, "another backup is being restored there", "wait for it")
        yield
    finally:
        os.close(handle)
